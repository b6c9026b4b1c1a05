//! How far it is.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::files::A_WHILE;

/// How far it is, on a terminal in a bar, elsewhere now and then in a line.
pub struct Progress {
    bar: ProgressBar,
    before: u64,
    began: Instant,
    told: Instant,
}

impl Progress {
    pub fn new(all: Option<u64>, before: usize) -> Self {
        let before = before as u64;
        let template = match all {
            Some(_) => "{msg} {wide_bar} {pos}/{len} frames, {eta} left",
            None => "{msg} {spinner} {pos} frames",
        };
        let style = ProgressStyle::with_template(template).expect("a valid template");
        let bar = ProgressBar::new(all.unwrap_or(0).max(before))
            .with_style(style)
            .with_message("painting");
        bar.set_position(before);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(250));
        let now = Instant::now();
        Self { bar, before, began: now, told: now }
    }

    pub fn one_more(&mut self) {
        self.bar.inc(1);
        let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(0));
        // The number of frames is an estimate.
        if all > 0 && done > all {
            self.bar.set_length(done);
        }
        let rate = (done - self.before) as f64 / self.began.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_message(format!("painting, {rate:.1} frames/s"));
        if self.bar.is_hidden() && self.told.elapsed() > A_WHILE {
            self.told = Instant::now();
            let left = Duration::from_secs((all.saturating_sub(done) as f64 / rate) as u64);
            let of_all = if all > done {
                format!(" of about {all}, {} left", humantime::format_duration(left))
            } else {
                String::new()
            };
            eprintln!("{done} frames{of_all} ({rate:.1} frames/s)");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A time as people read it.
pub fn clock(micros: u64) -> String {
    let (seconds, tenths) = (micros / 1_000_000, micros / 100_000 % 10);
    match (seconds / 3600, seconds / 60 % 60) {
        (0, minutes) => format!("{minutes}:{:02}.{tenths}", seconds % 60),
        (hours, minutes) => format!("{hours}:{minutes:02}:{:02}.{tenths}", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(clock(3_723_250_000), "1:02:03.2");
        assert_eq!(clock(90_000_000), "1:30.0");
        assert_eq!(clock(480_000), "0:00.4");
    }
}
