//! Recurrences, as types where a network is declared and as values where it is shaped at run time.

use dfdx::prelude::*;
use regnet_space::Cell;

use crate::dims::LayerDim;
use crate::peek::peek;

/// A recurrence: [`Rnn`], [`Gru`], [`Lstm`], or, known only at run time, a [`Cell`].
pub trait Kind: Copy + std::fmt::Debug + PartialEq + 'static {
    /// How many convolutions over features and hidden state it has.
    type Gates: LayerDim;
    /// How many feature maps its state has.
    type Maps: LayerDim;

    /// The recurrence as a value.
    fn cell(self) -> Cell;

    /// The number of gates.
    fn gates(self) -> Self::Gates;

    /// The number of feature maps of a state.
    fn maps(self) -> Self::Maps;

    /// The kind that `read` finds in the module that `visitor` walks over; see [`LayerDim::seen`].
    ///
    /// # Errors
    /// The visitor's.
    fn seen<M, E, D, V>(visitor: &mut V, read: impl Fn(&M) -> Self) -> Result<Self, V::Err>
    where
        M: TensorCollection<E, D>,
        E: Dtype,
        D: Device<E>,
        V: ModuleVisitor<M, E, D>;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct $kind;

        impl Kind for $kind {
            type Gates = Const<{ Cell::$kind.gates() }>;
            type Maps = Const<{ Cell::$kind.maps() }>;

            fn cell(self) -> Cell {
                Cell::$kind
            }

            fn gates(self) -> Self::Gates {
                Const
            }

            fn maps(self) -> Self::Maps {
                Const
            }

            fn seen<M, E, D, V>(_: &mut V, _: impl Fn(&M) -> Self) -> Result<Self, V::Err>
            where
                M: TensorCollection<E, D>,
                E: Dtype,
                D: Device<E>,
                V: ModuleVisitor<M, E, D>,
            {
                Ok(Self)
            }
        }
    )* };
}

kinds! {
    /// H' = tanh(W * [X, H] + b).
    Rnn;
    /// H' = (1 - z) H + z tanh(W * [X, r H] + b), with an update gate z and a reset gate r.
    Gru;
    /// C' = f C + i tanh(W * [X, H] + b) and H' = o tanh(C'), with gates i, f and o.
    Lstm;
}

impl Kind for Cell {
    type Gates = usize;
    type Maps = usize;

    fn cell(self) -> Cell {
        self
    }

    fn gates(self) -> usize {
        Cell::gates(self)
    }

    fn maps(self) -> usize {
        Cell::maps(self)
    }

    fn seen<M, E, D, V>(visitor: &mut V, read: impl Fn(&M) -> Self) -> Result<Self, V::Err>
    where
        M: TensorCollection<E, D>,
        E: Dtype,
        D: Device<E>,
        V: ModuleVisitor<M, E, D>,
    {
        Ok(peek(visitor, read)?.unwrap_or_default())
    }
}
