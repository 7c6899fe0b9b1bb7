//! The terms of the bound over t, as a picture: where the bits go.

use super::bound::{Bound, Column, Part};
use crate::plot::{Area, plot_png};
use plotters::prelude::*;

const UNCONDITIONAL: RGBColor = RGBColor(200, 108, 40);
const CONDITIONAL: RGBColor = RGBColor(24, 90, 157);

/// Draws each term in bits per dimension over t + 1 (L_0 stands at 1), both axes logarithmic, with its 95% interval, as the
/// bytes of a PNG.
///
/// # Errors
/// What the drawing library says.
pub fn bound_png(bound: &Bound) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    plot_png(|area| draw(area, bound)).map_err(|error| error.to_string().into())
}

fn draw(area: &Area<'_>, bound: &Bound) -> Result<(), Box<dyn std::error::Error>> {
    let columns: Vec<(&Column, &str, RGBColor)> = [
        (&bound.unconditional, "unconditional", UNCONDITIONAL),
        (&bound.conditional, "conditional", CONDITIONAL),
    ]
    .into_iter()
    .filter_map(|(column, name, colour)| Some((column.as_ref()?, name, colour)))
    .collect();
    let all = columns.iter().flat_map(|(column, ..)| &column.terms);
    let positive = |part: &&Part| part.bits.mean > 0.0;
    let (mut low, mut high, mut last) = (f64::INFINITY, 0.0_f64, 1);
    for part in all.filter(positive) {
        low = low.min(part.bits.mean);
        high = high.max(part.bits.mean + part.bits.half_width);
        last = last.max(part.last + 1);
    }
    if high <= 0.0 {
        // Terms that are all 0 are drawn as an empty chart.
        (low, high) = (1e-3, 1.0);
    }
    let mut chart = ChartBuilder::on(area)
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(84)
        .build_cartesian_2d(
            (0.8..(last as f64 * 1.25).max(3.0)).log_scale(),
            (low / 1.5..high * 1.5).log_scale(),
        )?;
    chart
        .configure_mesh()
        .light_line_style(BLACK.mix(0.04))
        .bold_line_style(BLACK.mix(0.12))
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 17))
        .x_desc("t + 1 (L_0 at 1)")
        .y_desc("bits/dim")
        .x_label_formatter(&|t| format!("{t:.0}"))
        .y_label_formatter(&|bits| format!("{bits:.0e}"))
        .draw()?;
    for (column, name, colour) in columns {
        let terms = column.terms.iter().filter(positive);
        let points: Vec<(f64, Part)> = terms.map(|part| (place(part), *part)).collect();
        // Hundreds of bars side by side would hide the line.
        for (t, part) in points.iter().filter(|_| points.len() <= 200) {
            let (mean, half) = (part.bits.mean, part.bits.half_width);
            let ends = [(*t, (mean - half).max(low / 1.5)), (*t, mean + half)];
            chart.draw_series(std::iter::once(PathElement::new(ends, colour.mix(0.45))))?;
        }
        let line = points.iter().map(|(t, part)| (*t, part.bits.mean));
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font(("sans-serif", 15))
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .draw()?;
    Ok(())
}

/// Where a range of timesteps stands on a logarithmic axis that begins at 1.
fn place(part: &Part) -> f64 {
    ((part.first + 1) as f64 * (part.last + 1) as f64).sqrt()
}
