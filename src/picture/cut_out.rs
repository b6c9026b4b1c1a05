//! Pictures that are transparent somewhere: what the networks are to see there, and white where it shows in the end.

use std::ops::Range;

use super::mask::Mask;
use super::{Picture, PictureError, Rect, check_length, reflected};

/// Opacity from which on a pixel is part of a style. Of a photo whatever is seen at all is part.
const PART_OF_A_STYLE: u8 = 128;
/// Rows that are laid on white at a time.
const ROWS: u32 = 256;

impl Picture {
    /// From rows of RGBA values as [`Picture::from_rgba`], of a style picture: what is transparent is no part of the
    /// style. The part with all that is not is taken, and its gaps are filled with its own rows, mirrored.
    ///
    /// # Errors
    /// As [`Picture::from_rgba`].
    pub fn from_style_rgba(width: u32, height: u32, rgba: &[u8]) -> Result<Self, PictureError> {
        check_length(width, height, 4, rgba.len())?;
        let rows = rgba.chunks_exact(4 * width as usize);
        let runs: Vec<_> = rows.clone().map(|row| opaque_runs(row, PART_OF_A_STYLE)).collect();
        let all =
            runs.iter().flatten().cloned().reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
        let whole = |runs: &Vec<Range<usize>>| matches!(runs.as_slice(), [run] if run.len() == width as usize);
        let Some(columns) = all.filter(|_| !runs.iter().all(whole)) else {
            return Self::from_rgba(width, height, rgba);
        };
        let mut rgb = Vec::new();
        let mut height = 0;
        for (row, runs) in rows.zip(&runs).filter(|(_, runs)| !runs.is_empty()) {
            height += 1;
            fill_row(&mut rgb, row, runs, columns.clone());
        }
        Self::new(columns.len() as u32, height, rgb)
    }

    /// From rows of RGBA values as [`Picture::from_rgba`], of a photo: where nothing of it is to be seen, there is what is
    /// beside that, mirrored. White would count as the colour of most of what is cut out. Also how opaque it is, if it is
    /// transparent somewhere, for [`Picture::lay_on_white`].
    ///
    /// # Errors
    /// As [`Picture::from_rgba`].
    pub fn from_photo_rgba(
        width: u32,
        height: u32,
        rgba: &[u8],
    ) -> Result<(Self, Option<Mask>), PictureError> {
        check_length(width, height, 4, rgba.len())?;
        if rgba.chunks_exact(4).all(|pixel| pixel[3] == u8::MAX) {
            return Ok((Self::from_rgba(width, height, rgba)?, None));
        }
        let opacity = Mask::from_rgba(width, height, rgba)?;
        let rows: Vec<_> = rgba.chunks_exact(4 * width as usize).collect();
        let runs: Vec<_> = rows.iter().map(|row| opaque_runs(row, 1)).collect();
        let seen = stretches(runs.iter().map(|runs| !runs.is_empty()));
        if seen.is_empty() {
            return Ok((Self::from_rgba(width, height, rgba)?, Some(opacity)));
        }
        let mut rgb = Vec::with_capacity(3 * width as usize * height as usize);
        for row in (0..rows.len()).map(|row| mirrored_into(row, &seen)) {
            fill_row(&mut rgb, rows[row], &runs[row], 0..width as usize);
        }
        Ok((Self { width, height, rgb }, Some(opacity)))
    }

    /// Lets white show as far as the picture is not opaque.
    pub fn lay_on_white(&mut self, opacity: &Mask) {
        let (width, height) = (self.width, self.height);
        let opacity = match opacity.size() {
            (wide, tall) if wide > width || tall > height => &opacity.resized(width, height),
            _ => opacity,
        };
        for top in (0..height).step_by(ROWS as usize) {
            let part = Rect { left: 0, top, width, height: ROWS.min(height - top) };
            let opacity = opacity.part(width, height, part);
            let start = 3 * width as usize * top as usize;
            let values = self.rgb[start..].chunks_exact_mut(3).zip(opacity.shares());
            for (pixel, share) in values {
                for value in pixel {
                    *value = (255.0 + (f32::from(*value) - 255.0) * share).round() as u8;
                }
            }
        }
    }
}

/// Of a row of RGBA, the stretches that are at least so opaque.
fn opaque_runs(row: &[u8], opaque: u8) -> Vec<Range<usize>> {
    stretches(row.chunks_exact(4).map(|pixel| pixel[3] >= opaque))
}

/// The places that are seen, as stretches.
fn stretches(seen: impl Iterator<Item = bool>) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (place, _) in seen.enumerate().filter(|(_, seen)| *seen) {
        match runs.last_mut() {
            Some(run) if run.end == place => run.end = place + 1,
            _ => runs.push(place..place + 1),
        }
    }
    runs
}

/// The place in the nearest of these stretches, of which there is one at least, that shows at `place`, their ends being
/// mirrors.
fn mirrored_into(place: usize, runs: &[Range<usize>]) -> usize {
    let away = |run: &Range<usize>| {
        run.start.saturating_sub(place).max((place + 1).saturating_sub(run.end))
    };
    let run = runs.iter().min_by_key(|run| away(run)).expect("there is one");
    match run {
        run if place < run.start => {
            run.start + reflected((run.start - 1 - place) as u32, run.len() as u32)
        }
        run if place >= run.end => {
            run.end - 1 - reflected((place - run.end) as u32, run.len() as u32)
        }
        _ => place,
    }
}

/// Adds these columns of a row of RGBA, its gaps filled with its own stretches, mirrored.
fn fill_row(rgb: &mut Vec<u8>, row: &[u8], runs: &[Range<usize>], columns: Range<usize>) {
    for from in columns.map(|column| mirrored_into(column, runs)) {
        rgb.extend_from_slice(&row[4 * from..4 * from + 3]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_transparent_is_no_part_of_a_style() {
        let [a, b, c] = [[1, 2, 3, 255], [4, 5, 6, 200], [7, 8, 9, 128]];
        let none = [200, 210, 220, 127];
        let rows = [[none; 6], [none, a, b, none, none, c], [none, none, none, b, none, none]];
        let rgba: Vec<u8> = rows.as_flattened().as_flattened().to_vec();
        let picture = Picture::from_style_rgba(6, 3, &rgba).unwrap();
        assert_eq!((picture.width(), picture.height()), (5, 2));
        let colours: Vec<&[u8]> = picture.rgb().chunks_exact(3).collect();
        let [a, b, c] = [[1, 2, 3], [4, 5, 6], [7, 8, 9]];
        assert_eq!(colours, [a, b, b, c, c, b, b, b, b, b]);
        // Nothing is seen, or all of it.
        let plain = |rgba: &[u8]| {
            assert_eq!(
                Picture::from_style_rgba(2, 1, rgba).unwrap(),
                Picture::from_rgba(2, 1, rgba).unwrap()
            );
        };
        plain(&[9, 9, 9, 0, 8, 8, 8, 0]);
        plain(&[9, 9, 9, 255, 8, 8, 8, 255]);
        assert!(Picture::from_style_rgba(2, 1, &[0; 4]).is_err());
    }

    #[test]
    fn what_is_cut_out_of_a_photo_is_surrounded_by_itself() {
        // A column and a row on each side are transparent, and a gap between two colours; what is behind is red.
        let seen =
            |x: u32, y: u32| (1..=4).contains(&x) && (1..=2).contains(&y) && (x, y) != (2, 1);
        let colour = |x: u32, y: u32| [0, (40 * x) as u8, (90 * y) as u8];
        let pixels = (0..4).flat_map(|y| (0..6).map(move |x| (x, y)));
        let rgba = pixels.clone().flat_map(|(x, y)| match (seen(x, y), colour(x, y)) {
            (true, [red, green, blue]) => [red, green, blue, 255],
            (false, _) => [255, 0, 0, 0],
        });
        let rgba: Vec<u8> = rgba.collect();
        let (mut filled, opacity) = Picture::from_photo_rgba(6, 4, &rgba).unwrap();
        assert!(filled.rgb().chunks_exact(3).all(|pixel| pixel[0] == 0), "{filled:?}");
        for (index, (x, y)) in pixels.enumerate().filter(|(_, (x, y))| seen(*x, *y)) {
            assert_eq!(filled.rgb()[3 * index..][..3], colour(x, y));
        }
        let row = |y: usize| &filled.rgb()[18 * y..][..18];
        assert_eq!((row(0), row(3)), (row(1), row(2)), "mirrored");
        filled.lay_on_white(&opacity.unwrap());
        assert_eq!(filled, Picture::from_rgba(6, 4, &rgba).unwrap());

        // What is hardly to be seen has its own colour all the same.
        let faint: Vec<u8> = [[10, 20, 30, 1], [90, 80, 70, 200]].concat();
        let (mut filled, opacity) = Picture::from_photo_rgba(2, 1, &faint).unwrap();
        assert_eq!(filled.rgb(), [10, 20, 30, 90, 80, 70]);
        filled.lay_on_white(&opacity.unwrap());
        assert_eq!(filled, Picture::from_rgba(2, 1, &faint).unwrap());
        let (white, opacity) = Picture::from_photo_rgba(1, 1, &[3, 4, 5, 0]).unwrap();
        assert_eq!((white.rgb(), opacity.is_some()), (&[255; 3][..], true));
        let (plain, opacity) = Picture::from_photo_rgba(1, 1, &[3, 4, 5, 255]).unwrap();
        assert_eq!((plain.rgb(), opacity), (&[3, 4, 5][..], None));
    }
}
