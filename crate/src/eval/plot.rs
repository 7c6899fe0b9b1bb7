//! The terms of the bound over t, as a picture: where the bits go.

use super::bound::{Bound, Column, Part};
use crate::plot::{Area, Axis, Chart, plot_png};
use plotters::prelude::*;

const UNCONDITIONAL: RGBColor = RGBColor(200, 108, 40);
const CONDITIONAL: RGBColor = RGBColor(24, 90, 157);

/// Draws each term in bits per dimension over t + 1 (L_0 stands at 1), both axes logarithmic, with its 95% interval, as the
/// bytes of a PNG.
///
/// # Errors
/// An error of the drawing library.
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
    let mut chart = Chart::new(
        area,
        Axis {
            range: (0.8..(last as f64 * 1.25).max(3.0)).log_scale(),
            name: "t + 1 (L_0 at 1)",
            write: |t| format!("{t:.0}"),
            room: 44,
        },
        Axis {
            range: (low / 1.5..high * 1.5).log_scale(),
            name: "bits/dim",
            write: |bits| format!("{bits:.0e}"),
            room: 84,
        },
    )?;
    for (column, name, colour) in columns {
        let terms = column.terms.iter().filter(positive);
        let points: Vec<(f64, Part)> = terms.map(|part| (middle(part), *part)).collect();
        // Hundreds of bars side by side would hide the line.
        for (t, part) in points.iter().filter(|_| points.len() <= 200) {
            let (mean, half) = (part.bits.mean, part.bits.half_width);
            let ends = ((mean - half).max(low / 1.5), mean + half);
            chart.bar(*t, ends, colour.mix(0.45))?;
        }
        let line = points.iter().map(|(t, part)| (*t, part.bits.mean));
        chart.line(name, colour.stroke_width(2), line)?;
    }
    chart.legend()
}

/// The middle of a range of timesteps on a logarithmic axis that begins at 1.
fn middle(part: &Part) -> f64 {
    ((part.first + 1) as f64 * (part.last + 1) as f64).sqrt()
}
