//! Quantiles, and the intervals between two of them.

/// From one value to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// The middle of rising values that leaves out as many below as above: `confidence` of 0.95 leaves out one in 40
    /// at either end. `None` without values.
    pub fn central(rising: &[f64], confidence: f64) -> Option<Self> {
        let out = (1.0 - confidence) / 2.0;
        Some(Self { low: quantile(rising, out)?, high: quantile(rising, 1.0 - out)? })
    }

    /// Whether a value lies inside, ends included.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// The value below which a part `p` of rising values lies, with straight lines between neighbours, as numpy's default
/// has it; a `p` outside 0 to 1 is taken as the nearer of the two. `None` without values.
pub fn quantile(rising: &[f64], p: f64) -> Option<f64> {
    let place = p.clamp(0.0, 1.0) * rising.len().checked_sub(1)? as f64;
    let below = rising.get(place.floor() as usize)?;
    let above = rising.get(place.ceil() as usize)?;
    Some(below + (above - below) * place.fract())
}
