//! The loss over the steps, as a picture.

use plotters::prelude::*;

use super::{Metrics, ReportError};
use crate::plot::{Area, Axis, Chart, plot_png};

/// More points than this cannot be told apart at that width.
const MAX_POINTS: usize = 1920;
const LOSS: RGBColor = RGBColor(178, 200, 223);
const LOSS_EMA: RGBColor = RGBColor(24, 90, 157);

/// Draws the loss of each row and its running average over the steps, with a logarithmic loss axis, as the bytes of a PNG.
pub fn loss_curve_png(rows: &[Metrics]) -> Result<Vec<u8>, ReportError> {
    let rows: Vec<&Metrics> = rows
        .iter()
        .filter(|row| row.loss > 0.0 && row.loss.is_finite() && row.loss_ema > 0.0)
        .collect();
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Err(ReportError::Empty);
    };
    let (low, high) = rows
        .iter()
        .fold((f64::INFINITY, 0.0f64), |(low, high), row| {
            (
                low.min(row.loss).min(row.loss_ema),
                high.max(row.loss).max(row.loss_ema),
            )
        });
    // At least one step wide and half a decade high, so that a run of one row can be drawn.
    let steps = first.step as f64..(last.step as f64).max(first.step as f64 + 1.0);
    let losses = low / 1.2..(high * 1.2).max(low * 3.0);
    plot_png(|area| draw(area, &thin(&rows), steps, losses))
        .map_err(|error| ReportError::Plot(error.to_string()))
}

type Thinned = Vec<(f64, f64, f64)>;

/// Means over neighbouring rows: (step, loss, loss_ema).
fn thin(rows: &[&Metrics]) -> Thinned {
    rows.chunks(rows.len().div_ceil(MAX_POINTS).max(1))
        .map(|chunk| {
            let mean = |value: fn(&Metrics) -> f64| {
                chunk.iter().map(|row| value(row)).sum::<f64>() / chunk.len() as f64
            };
            (
                mean(|row| row.step as f64),
                mean(|row| row.loss),
                mean(|row| row.loss_ema),
            )
        })
        .collect()
}

fn draw(
    area: &Area<'_>,
    points: &Thinned,
    steps: std::ops::Range<f64>,
    losses: std::ops::Range<f64>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut chart = Chart::new(
        area,
        Axis {
            range: steps,
            name: "step",
            write: |step| format!("{step:.0}"),
            room: 44,
        },
        Axis {
            range: losses.log_scale(),
            name: "loss",
            write: |loss| format!("{loss:.3}"),
            room: 72,
        },
    )?;
    let losses = points.iter().map(|&(step, loss, _)| (step, loss));
    chart.line("loss", LOSS, losses)?;
    let averages = points.iter().map(|&(step, _, average)| (step, average));
    chart.line("running average", LOSS_EMA.stroke_width(2), averages)?;
    chart.legend()
}
