//! Reading a module's run-time configuration while dfdx walks its tensors.

use std::cell::Cell;

use dfdx::prelude::*;

/// A collection of no tensors; visiting it leaves no trace in anything that is saved or counted.
#[derive(Debug, Default, Clone, Copy)]
struct Nothing;

impl ZeroSizedModule for Nothing {}

static NOTHING: Nothing = Nothing;

/// What `read` sees in the module that `visitor` walks over, or `None` where it walks over a type alone, as
/// it does when dfdx builds a module.
///
/// dfdx describes collections by type and lends the module only to field accessors; this visits a field
/// that holds nothing for the sake of its accessor.
pub(crate) fn peek<M: TensorCollection<E, D>, E: Dtype, D: Device<E>, V: ModuleVisitor<M, E, D>, R: Clone>(
    visitor: &mut V,
    read: impl Fn(&M) -> R,
) -> Result<Option<R>, V::Err> {
    let seen = Cell::new(None);
    visitor.visit_module::<Nothing, _, _>(
        "",
        |module| {
            seen.set(Some(read(module)));
            &NOTHING
        },
        |module| {
            seen.set(Some(read(module)));
            // A box of a type without size allocates nothing, so there is nothing to leak.
            Box::leak(Box::new(Nothing))
        },
    )?;
    Ok(seen.into_inner())
}
