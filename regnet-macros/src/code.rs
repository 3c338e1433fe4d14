//! Short names of the macros' own mistakes, which stay the same when messages are reworded. Those of mistakes in numbers
//! are `regnet_space::code`'s.

macro_rules! codes {
    ($($mistake:ident $name:literal $what:literal)*) => {
        /// A mistake by its kind.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $what] $mistake,)*
        }

        impl Code {
            /// Every kind, in the table's order.
            #[cfg(test)]
            pub const ALL: &[Self] = &[$(Self::$mistake),*];

            /// Its short name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$mistake => $name,)*
                }
            }
        }
    };
}

codes! {
    // The whole declaration.
    NoCrate "called-directly" "The hidden macro was called without the path of its crate."
    Empty "empty-declaration" "Nothing is declared."
    ItemHead "item-head" "What stands before the struct or module is no attribute and no visibility."
    NotAStruct "not-a-struct" "An item that is no `struct`."
    NotAModule "not-a-module" "A population that is no `mod`."
    NoName "missing-name" "An item without a name."
    Generics "generic-struct" "Generics or fields of a declared struct."
    NoStruct "line-before-struct" "A line without a struct before it."
    ParameterLine "parameter-line" "A parameter after the first `;`."

    // Punctuation.
    NoEquals "missing-equals" "No `=` after a name."
    NoComma "missing-comma" "No `,` between two entries."
    NoSemicolon "missing-semicolon" "No `;` at the end of a line."
    NothingBeforeComma "extra-comma" "A `,` with nothing before it."
    Separator "wrong-separator" "A `;` for a `,`, or the other way round."
    Unclosed "unclosed-bracket" "A `<` without `>`."

    // Keys.
    NoEntry "not-an-entry" "Something else than `key = value`."
    UnknownKey "unknown-key" "No such key."
    DuplicateKey "duplicate-key" "A key that is set twice."
    MissingKey "missing-key" "A key without a default that is not set."
    MissingValue "missing-value" "A key without a value."

    // Values.
    NotALiteral "not-a-literal" "The name of a number in its place."
    NotANumber "not-a-number" "Something else than one number."
    Negative "negative-number" "A number below 0 where there is none."
    TooLarge "too-large" "More than a whole number holds."
    NotWhole "not-whole" "A point or an exponent in a whole number."
    Suffix "number-suffix" "A unit or type after a plain number."
    Unit "unknown-unit" "A unit other than K, M and G."
    Se "se-value" "A word for squeeze-and-excitation other than true and false."
    StemForm "stem-form" "A stem that is no name with a width in parentheses."
    InputForm "input-form" "An input that is not three numbers with `x` between them."
    SpaceOption "space-option" "A `space` of `regnet!` other than `RegNet` and `any`."
    Block "unknown-block" "No such block."
    RegulatorForm "regulator-form" "A regulator that is no cell with options in parentheses."
    OutsideRegulator "outside-regulator" "An option of a regulator that stands outside `regulator = ..`."

    // Lists of `anynet!`.
    NotAList "not-a-list" "One value where each stage has its own."
    EmptyList "empty-list" "A list without values."
    ListLength "list-length" "Lists that do not have a value for each stage."
    PlainBlock "plain-block" "Groups or a bottleneck of blocks that have none."

    // Budgets.
    UnknownQuantity "unknown-quantity" "Nothing of this name can be limited."
    OutsideBudget "outside-budget" "A limit that stands outside `budget = ..`."
    DuplicateLimit "duplicate-limit" "A quantity that is limited twice."
    MissingLimit "missing-limit" "A quantity without a limit."
    Operator "limit-operator" "Something else than `<=`."
    LimitTooLow "limit-too-low" "A limit that no network can keep."
    LimitTooHigh "limit-too-high" "A limit that every network keeps."
    Workload "workload" "Something else than a mode and a batch in parentheses."
    Batch "batch-size" "A batch without images."

    // Populations.
    DrawnSpace "drawn-space" "No such design space to draw from."
    NoCount "missing-count" "No number of models in brackets."
    Count "model-count" "Too few or too many models."
    NoBraces "missing-braces" "No braces."
    AfterBraces "after-braces" "Something after the braces."
    Range "not-a-range" "A window that is no closed range."
    Reversed "reversed-range" "A window that ends before it starts."
}
