//! Work shared among the cores: rayon natively, one thread in the browser.

#[cfg(feature = "cli")]
pub fn count() -> usize {
    rayon::current_num_threads()
}

#[cfg(not(feature = "cli"))]
pub fn count() -> usize {
    1
}

/// `work(index, piece)` for every piece of `size` elements of `data`, on all cores.
#[cfg(feature = "cli")]
pub fn for_each_piece(
    data: &mut [f32],
    size: usize,
    work: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    use rayon::prelude::*;
    data.par_chunks_mut(size).enumerate().for_each(|(index, piece)| work(index, piece));
}

#[cfg(not(feature = "cli"))]
pub fn for_each_piece(
    data: &mut [f32],
    size: usize,
    work: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    data.chunks_mut(size).enumerate().for_each(|(index, piece)| work(index, piece));
}

/// `work(index)` for every index below `count`, on all cores.
#[cfg(feature = "cli")]
pub fn for_each(count: usize, work: impl Fn(usize) + Sync + Send) {
    use rayon::prelude::*;
    (0..count).into_par_iter().with_max_len(1).for_each(work);
}

#[cfg(not(feature = "cli"))]
pub fn for_each(count: usize, work: impl Fn(usize) + Sync + Send) {
    (0..count).for_each(work);
}

/// A slice that several threads write to, each in places of its own.
pub struct Shared<'a> {
    start: *mut f32,
    length: usize,
    slice: std::marker::PhantomData<&'a mut [f32]>,
}

// SAFETY: whoever writes promises to write where nobody else does, see `piece`.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    pub fn new(slice: &'a mut [f32]) -> Self {
        let (start, length) = (slice.as_mut_ptr(), slice.len());
        Self { start, length, slice: std::marker::PhantomData }
    }

    /// # Safety
    /// No two pieces that overlap may be alive at the same time.
    ///
    /// # Panics
    /// If the piece is not within the slice.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn piece(&self, from: usize, length: usize) -> &mut [f32] {
        assert!(from <= self.length && length <= self.length - from, "a piece of the slice");
        // SAFETY: within the slice, and by the caller's promise nobody else has it.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), length) }
    }
}
