//! JSON files that say what they were made of, so that one which was copied, edited or cut short is never taken for
//! another: a fingerprint of the network, the recipe and the data, and a checksum of all that the file says.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::bad_file::{Owner, Part, Problem};
use super::folder::Sweep;
use crate::digest::Digest;

/// The digest of a value's JSON. Fields come in the order of their declaration, and floats read
/// back as the bits that were written, so that a value which was read has the digest of the one that was written.
pub(super) fn digest(value: &impl Serialize) -> Digest {
    Digest::of(&serde_json::to_vec(value).expect("the sweep's own values are JSON"))
}

/// What a file was made of: a digest of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fingerprint {
    pub(super) network: Digest,
    pub(super) recipe: Digest,
    pub(super) data: Digest,
}

impl Fingerprint {
    /// The first part in which it is not as expected.
    fn check(&self, expected: &Self) -> Result<(), Problem> {
        let parts = [
            (self.network == expected.network, Part::Network),
            (self.recipe == expected.recipe, Part::Recipe),
            (self.data == expected.data, Part::Data),
        ];
        parts.into_iter().find(|(same, _)| !same).map_or(Ok(()), |(_, part)| Err(Problem::Stale(part)))
    }
}

/// A file: its contents, what they were made of, and the digest of both.
#[derive(Serialize, Deserialize)]
pub(super) struct Record<T> {
    #[serde(flatten)]
    contents: T,
    fingerprint: Fingerprint,
    checksum: Digest,
}

/// What a record can hold.
pub(super) trait Contents: Serialize + DeserializeOwned {
    /// Whose it says it is.
    fn owner(&self) -> Owner;

    /// Whether its numbers can be.
    fn check(&self, sweep: &Sweep) -> Result<(), Problem>;
}

impl<T: Contents> Record<T> {
    /// The bytes of a file.
    pub(super) fn to_bytes(contents: &T, fingerprint: Fingerprint) -> Vec<u8> {
        let checksum = digest(&(contents, &fingerprint));
        let record = Record { contents, fingerprint, checksum };
        serde_json::to_vec(&record).expect("the sweep's own values are JSON")
    }

    /// What a file holds, if it is the owner's and made of what is `expected`. The checksum comes last, because the others can
    /// tell what is wrong.
    pub(super) fn read(
        text: &str,
        owner: Owner,
        expected: &Fingerprint,
        sweep: &Sweep,
    ) -> Result<T, Problem> {
        let damaged = |error: serde_json::Error| Problem::Damaged(error.to_string());
        let Self { contents, fingerprint, checksum } = serde_json::from_str(text).map_err(damaged)?;
        if contents.owner() != owner {
            return Err(Problem::Misplaced(contents.owner()));
        }
        fingerprint.check(expected)?;
        contents.check(sweep)?;
        if checksum == digest(&(&contents, &fingerprint)) { Ok(contents) } else { Err(Problem::Changed) }
    }
}
