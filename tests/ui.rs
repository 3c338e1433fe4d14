//! What the compiler says about declarations: `ui/fail` pins the messages, `ui/pass` the accepted spellings.
//!
//! The messages are those of the compiler in `rust-toolchain.toml`. After a deliberate change, run this test with
//! `TRYBUILD=overwrite` and read the difference as a user would.
//!
//! trybuild has the compiler print types whole, as `--verbose` does; without it they are cut to a line.
//!
//! What right declarations expand to is pinned in `regnet-macros/src/tests/snapshots`; those files are written anew by
//! `SNAPSHOTS=overwrite cargo test -p regnet-macros snapshots`.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
