//! The names that the pickle of a state dict may use; every other name is refused.

/// What a pickle may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::weights) enum Global {
    OrderedDict,
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`.
    RebuildTensor,
    /// `torch._utils._rebuild_parameter` and `_rebuild_parameter_with_state`.
    RebuildParameter,
    /// `torch.Size`, a tuple.
    Size,
    /// `torch.FloatStorage` and the like.
    Storage(Element),
}

/// What a storage holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::weights) enum Element {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

impl Element {
    pub(in crate::weights) fn bytes(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }
}

impl Global {
    /// The meaning of a name, if it is one that a state dict needs.
    pub(super) fn named(module: &str, name: &str) -> Option<Self> {
        use Element::*;
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Self::RebuildParameter
            }
            ("torch", "Size") => Self::Size,
            ("torch", "DoubleStorage") => Self::Storage(F64),
            ("torch", "FloatStorage") => Self::Storage(F32),
            ("torch", "HalfStorage") => Self::Storage(F16),
            ("torch", "BFloat16Storage") => Self::Storage(Bf16),
            ("torch", "LongStorage") => Self::Storage(I64),
            ("torch", "IntStorage") => Self::Storage(I32),
            ("torch", "ShortStorage") => Self::Storage(I16),
            ("torch", "CharStorage") => Self::Storage(I8),
            ("torch", "ByteStorage") => Self::Storage(U8),
            ("torch", "BoolStorage") => Self::Storage(Bool),
            _ => return None,
        })
    }
}

/// A name that was refused, short and without control characters.
pub(super) fn printable(module: &str, name: &str) -> String {
    let text: String = format!("{module}.{name}").chars().take(80).collect();
    let is_plain = text.chars().all(|c| c.is_ascii_graphic());
    if is_plain { text } else { format!("{text:?}") }
}
