//! The course of a run as a picture: `losses.svg`, beside `losses.csv`.

use std::path::Path;

use plotters::coord::ranged1d::ValueFormatter;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::TrainError;

const SIZE: (u32, u32) = (1000, 800);
/// Points a line has at most; each is the mean of the steps it stands for.
const POINTS: usize = 250;
/// What is drawn: the losses above, the discriminator's judgements below.
const LOSSES: [&str; 6] = ["content", "style", "gram", "wasserstein", "identity", "discriminator"];
const JUDGEMENTS: [&str; 2] = ["real_probability", "fake_probability"];

type Line = Vec<(f64, f64)>;

/// Draws the table in the text of a CSV file.
///
/// # Errors
/// [`TrainError::File`] when the table cannot be read or the picture not be written.
pub fn write(path: &Path, table: &str) -> Result<(), TrainError> {
    let mut svg = String::new();
    draw(&mut svg, table).map_err(|reason| TrainError::file(path, reason))?;
    crate::files::write_whole(path, svg.as_bytes()).map_err(|error| TrainError::file(path, error))
}

fn draw(svg: &mut String, table: &str) -> Result<(), String> {
    let losses = lines(table, &LOSSES)?;
    let judgements = lines(table, &JUDGEMENTS)?;
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(|error| error.to_string())?;
    let (upper, lower) = area.split_vertically(SIZE.1 * 5 / 8);
    chart(&upper, "losses", &losses, true)?;
    chart(&lower, "what the discriminator takes for a painting", &judgements, false)?;
    area.present().map_err(|error| error.to_string())
}

/// For each column the smoothed line, with its name; columns without values are left out.
fn lines(table: &str, names: &[&'static str]) -> Result<Vec<(&'static str, Line)>, String> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let heads = reader.headers().map_err(|error| error.to_string())?.clone();
    let rows =
        reader.records().collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let chosen = names.iter().filter_map(|name| {
        let column = heads.iter().position(|head| head == *name)?;
        let values: Line = rows
            .iter()
            .filter_map(|row| Some((row[0].parse().ok()?, row.get(column)?.parse().ok()?)))
            .collect();
        (!values.is_empty()).then(|| (*name, smoothed(&values)))
    });
    Ok(chosen.collect())
}

fn smoothed(values: &[(f64, f64)]) -> Line {
    let mean = |part: &[(f64, f64)]| {
        let count = part.len() as f64;
        let (x, y) = part.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (x / count, y / count)
    };
    values.chunks(values.len().div_ceil(POINTS)).map(mean).collect()
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    lines: &[(&str, Line)],
    logarithmic: bool,
) -> Result<(), String> {
    let points = || lines.iter().flat_map(|(_, line)| line).filter(|point| point.1 > 0.0);
    let last = points().map(|point| point.0).fold(1.0, f64::max);
    let mut builder = ChartBuilder::on(area);
    builder
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(30)
        .y_label_area_size(44);
    if logarithmic {
        // One outlier would leave all else at the bottom of a linear axis.
        let (low, high) = points()
            .fold((1.0f64, 1.0f64), |(low, high), point| (low.min(point.1), high.max(point.1)));
        let range = (0.9 * low..1.1 * high).log_scale();
        let mut chart =
            builder.build_cartesian_2d(0.0..last, range).map_err(|error| error.to_string())?;
        fill(&mut chart, lines)
    } else {
        let mut chart =
            builder.build_cartesian_2d(0.0..last, 0.0..1.0).map_err(|error| error.to_string())?;
        fill(&mut chart, lines)
    }
}

fn fill<'a, Y>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, Y>>,
    lines: &[(&str, Line)],
) -> Result<(), String>
where
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart.configure_mesh().x_desc("step").draw().map_err(|error| error.to_string())?;
    for (index, (name, line)) in lines.iter().enumerate() {
        let colour = Palette99::pick(index).to_rgba();
        chart
            .draw_series(LineSeries::new(
                line.iter().copied().filter(|point| point.1 > 0.0),
                &colour,
            ))
            .map_err(|error| error.to_string())?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour));
    }
    if lines.is_empty() {
        return Ok(());
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .draw()
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_with_values_becomes_a_line() {
        let table = "step,seconds,content,style,gram\n1,0.5,2.0,,7\n2,1.0,1.0,3.0,\n";
        let found = lines(table, &["content", "style", "identity"]).unwrap();
        assert_eq!(found, [("content", vec![(1.0, 2.0), (2.0, 1.0)]), ("style", vec![(2.0, 3.0)])]);
        let mut svg = String::new();
        draw(&mut svg, table).unwrap();
        assert!(svg.contains("polyline") && svg.contains("gram") && !svg.contains("identity"));
    }

    #[test]
    fn long_runs_are_smoothed() {
        let values: Line = (0..1000).map(|x| (f64::from(x), f64::from(x % 2))).collect();
        let line = smoothed(&values);
        assert_eq!(line.len(), POINTS);
        assert!(line.iter().all(|point| point.1 == 0.5));
    }
}
