//! Which activations may lie in the same place: those that are never needed at the same time.

/// Memory that is needed from one step to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Buffer {
    /// Floats.
    pub len: usize,
    /// The first step that touches it, and the last.
    steps: Option<[usize; 2]>,
}

/// Floats of a cache line: every buffer begins one.
pub(crate) const LINE: usize = 16;

impl Buffer {
    /// Memory that no step has touched so far.
    pub fn new(len: usize) -> Self {
        Self { len, steps: None }
    }

    /// A step touches it.
    pub fn extend(&mut self, step: usize) {
        let [first, last] = self.steps.unwrap_or([step; 2]);
        self.steps = Some([first.min(step), last.max(step)]);
    }

    fn meets(&self, other: &Self) -> bool {
        match (self.steps, other.steps) {
            (Some([a, b]), Some([c, d])) => a <= d && c <= b,
            _ => false,
        }
    }
}

/// Where each buffer begins, and how much memory there is in all: the largest first, each as low as it can be.
pub(crate) fn place(buffers: &[Buffer]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..buffers.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(buffers[index].len));
    let mut offsets = vec![0; buffers.len()];
    let (mut placed, mut all): (Vec<usize>, usize) = (Vec::new(), 0);
    for index in order {
        let mut others: Vec<usize> =
            placed.iter().copied().filter(|&other| buffers[index].meets(&buffers[other])).collect();
        others.sort_by_key(|&other| offsets[other]);
        let mut offset = 0;
        for other in others {
            if offset + buffers[index].len <= offsets[other] {
                break;
            }
            offset = offset.max((offsets[other] + buffers[other].len).next_multiple_of(LINE));
        }
        offsets[index] = offset;
        // What lies behind it begins a line, too.
        all = all.max((offset + buffers[index].len).next_multiple_of(LINE));
        placed.push(index);
    }
    (offsets, all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_needed_at_once_lies_apart(
            given in prop::collection::vec((1_usize..200, 0_usize..20, 0_usize..20), 1..40),
        ) {
            let buffers: Vec<Buffer> = given
                .iter()
                .map(|&(len, a, b)| {
                    let mut buffer = Buffer::new(len);
                    buffer.extend(a);
                    buffer.extend(b);
                    buffer
                })
                .collect();
            let (offsets, all) = place(&buffers);
            for (i, a) in buffers.iter().enumerate() {
                prop_assert!(offsets[i] % LINE == 0 && offsets[i] + a.len <= all);
                for (j, b) in buffers.iter().enumerate().take(i) {
                    let apart = offsets[i] + a.len <= offsets[j] || offsets[j] + b.len <= offsets[i];
                    prop_assert!(apart || !a.meets(b), "{i} and {j}");
                }
            }
        }
    }

    #[test]
    fn a_chain_needs_two_places() {
        let chain = (0..9).map(|step| {
            let mut buffer = Buffer::new(100);
            buffer.extend(step);
            buffer.extend(step + 1);
            buffer
        });
        let (offsets, all) = place(&chain.collect::<Vec<_>>());
        assert_eq!(offsets, [0, 112, 0, 112, 0, 112, 0, 112, 0]);
        assert_eq!(all, 224);
    }
}
