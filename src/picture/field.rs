//! Vectors that lie in a grid.

/// Rows of vectors, with others between them.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub columns: usize,
    pub rows: usize,
    pub vectors: Vec<[f32; 2]>,
}

impl Field {
    /// Between the four nearest, at a place in columns and rows; beyond the border, the border's.
    pub fn between(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let place = |at: f32, length: usize| {
            let at = at.clamp(0.0, (length - 1) as f32);
            let low = at as usize;
            (low, (low + 1).min(length - 1), at - low as f32)
        };
        let (left, right, across) = place(x, self.columns);
        let (upper, lower, down) = place(y, self.rows);
        [0, 1].map(|axis| {
            let value = |x: usize, y: usize| self.vectors[y * self.columns + x][axis];
            let row = |y| value(left, y) * (1.0 - across) + value(right, y) * across;
            row(upper) * (1.0 - down) + row(lower) * down
        })
    }
}
