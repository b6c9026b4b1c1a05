//! Which instructions the loops are compiled for, and which of these this processor has.

/// A set of instructions, with the shape of the blocks of sums that fit its registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// What the target always has: SSE2, NEON, or SIMD in WebAssembly.
    Base,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// What this processor has, the best last.
    fn all() -> impl DoubleEndedIterator<Item = Self> {
        let all = [
            Self::Base,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512,
        ];
        all.into_iter().filter(|isa| isa.is_here())
    }

    /// Whether this processor has it.
    pub fn is_here(self) -> bool {
        match self {
            Self::Base => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Self::Avx2.is_here() && is_x86_feature_detected!("avx512f"),
        }
    }

    /// The best that this processor has.
    pub fn best() -> Self {
        #[cfg(test)]
        if let Some(isa) = tests::TRIED.get() {
            return isa;
        }
        Self::all().next_back().unwrap_or(Self::Base)
    }

    /// Rows (channels out) of a block of sums.
    pub const fn rows(self) -> usize {
        match self {
            Self::Base => 4,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 6,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 8,
        }
    }

    /// Columns (pixels or tiles) of a block of sums.
    pub const fn columns(self) -> usize {
        match self {
            Self::Base => 8,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 16,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 32,
        }
    }
}

/// `a * b + c`, in one instruction where there is one: a call into a library would be slow.
#[inline(always)]
pub fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Defines `fn $name(isa, arguments)`, which calls `$body::<ROWS, COLUMNS, FMA>(arguments)` compiled
/// for the instructions that `isa` names. `$body` and all that it calls must be `inline(always)`.
macro_rules! for_each_isa {
    ($(#[$meta:meta])* $vis:vis fn $name:ident = $body:ident($($argument:ident: $type:ty),* $(,)?)) => {
        $(#[$meta])*
        $vis fn $name(isa: $crate::kernels::cpu::isa::Isa, $($argument: $type),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($argument: $type),*) {
                $body::<{ Isa::Avx2.rows() }, { Isa::Avx2.columns() }, true>($($argument),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx2,fma")]
            fn avx512($($argument: $type),*) {
                $body::<{ Isa::Avx512.rows() }, { Isa::Avx512.columns() }, true>($($argument),*)
            }
            use $crate::kernels::cpu::isa::Isa;
            assert!(isa.is_here(), "instructions that this processor lacks");
            match isa {
                Isa::Base => {
                    $body::<{ Isa::Base.rows() }, { Isa::Base.columns() }, false>($($argument),*)
                }
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the processor has these instructions, as was asked above.
                Isa::Avx2 => unsafe { avx2($($argument),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: likewise.
                Isa::Avx512 => unsafe { avx512($($argument),*) },
            }
        }
    };
}
pub(super) use for_each_isa;

#[cfg(test)]
pub mod tests {
    use std::cell::Cell;

    use super::Isa;

    thread_local! {
        /// What this thread computes with, where that is not the best.
        pub static TRIED: Cell<Option<Isa>> = const { Cell::new(None) };
    }

    /// Has this thread do the same with each set of instructions that the processor has, the best last.
    pub fn with_each<T>(work: impl Fn() -> T) -> Vec<T> {
        let tried = |isa| {
            TRIED.set(Some(isa));
            work()
        };
        let all = Isa::all().map(tried).collect();
        TRIED.set(None);
        all
    }
}
