//! The report as a person reads it.

use std::fmt::Write;

use walkback::eval::best::Best;
use walkback::eval::bound::{Bound, Column};
use walkback::eval::estimate::Estimate;
use walkback::eval::rate::Rate;

use super::Report;
use super::quality::{Quality, Seen};

/// What is judged on what.
pub fn header(report: &Report) -> String {
    let (model, images) = (&report.model, report.test_images);
    format!("{model}, judged on {images} test images\n")
}

/// The bound, row by row.
pub fn bound(bound: &Bound) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_bound(&mut text, bound);
    text
}

/// The samples, setting by setting.
pub fn quality(quality: &Quality) -> String {
    let mut text = String::new();
    let _ = write_quality(&mut text, quality);
    text
}

fn write_bound(text: &mut String, bound: &Bound) -> std::fmt::Result {
    let columns: Vec<(&str, &Column)> = [
        ("unconditional", &bound.unconditional),
        ("conditional", &bound.conditional),
    ]
    .into_iter()
    .filter_map(|(name, column)| Some((name, column.as_ref()?)))
    .collect();
    let Some((_, first)) = columns.first() else {
        return Ok(());
    };
    writeln!(
        text,
        "\nVariational bound in bits/dim, from {} terms of {} test images",
        bound.terms, bound.images
    )?;
    write!(text, "{:<22}", "t")?;
    for (name, _) in &columns {
        write!(text, " {name:>22}")?;
    }
    let mut line = |name: &str, values: Vec<String>| {
        write!(text, "\n{name:<22}")?;
        values
            .iter()
            .try_for_each(|value| write!(text, " {value:>22}"))
    };
    let of_each =
        |value: &dyn Fn(&Column) -> String| columns.iter().map(|(_, c)| value(c)).collect();
    line("L_T", of_each(&|column| format!("{:.5}", column.prior)))?;
    for (i, row) in first.rows.iter().enumerate().rev() {
        let name = match (row.first, row.last) {
            (0, _) => "0 (L_0)".to_owned(),
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        };
        line(&name, of_each(&|column| pm(column.rows[i].bits)))?;
    }
    line("total", of_each(&|column| pm(column.total)))?;
    if let Some(saved) = bound.saved_by_label {
        line("saved by the label", vec![String::new(), pm(saved)])?;
    }
    writeln!(
        text,
        "\n\nx_0-hat is clipped to [-1, 1]; +- is half the 95% interval."
    )
}

/// A value with half the width of its interval, to the digits that the interval leaves.
fn pm(estimate: Estimate) -> String {
    format!("{:.5} +- {:.5}", estimate.mean, estimate.half_width)
}

fn write_quality(text: &mut String, quality: &Quality) -> std::fmt::Result {
    let accuracy = quality.judge.test_accuracy;
    writeln!(
        text,
        "\nSamples, read by a classifier that is right on {} of {} test images ({})",
        accuracy.hits,
        accuracy.of,
        percent(accuracy.share(), 2)
    )?;
    writeln!(
        text,
        "{:<22} {:>7} {:>26} {:>9}   nearest training image:",
        "", "", "", "Frechet"
    )?;
    writeln!(
        text,
        "{:<22} {:>7} {:>26} {:>9} {:>9} {:>7} {:>7}",
        "", "images", "read as label (95%)", "distance", "median", "5%", "least"
    )?;
    for drawn in &quality.settings {
        row(text, &drawn.setting, &drawn.seen)?;
        if drawn.each_seed.len() > 1 {
            for of in &drawn.each_seed {
                let rate = of
                    .read_as_label
                    .map_or_else(|| "-".to_owned(), with_interval);
                let (name, count) = (
                    format!("  seed {}", of.seed),
                    drawn.seen.count / drawn.each_seed.len(),
                );
                writeln!(text, "{name:<22} {count:>7} {rate:>26} {:>9.2}", of.frechet)?;
            }
        }
    }
    row(text, "real training images", &quality.training_images)?;
    row(text, "real test images", &quality.test_images)?;

    let width = quality
        .classes
        .iter()
        .map(|name| name.chars().count())
        .max();
    let width = width.unwrap_or(0).clamp(4, 12);
    let conditional = quality.settings.iter().any(|d| d.seen.each_class.is_some());
    let title = if conditional {
        "read as label, %"
    } else {
        "read as"
    };
    write!(text, "\n{title:<22}")?;
    for name in &quality.classes {
        write!(text, " {name:>width$}")?;
    }
    writeln!(text)?;
    for drawn in &quality.settings {
        write!(text, "{:<22}", drawn.setting)?;
        match &drawn.seen.each_class {
            Some(rates) => {
                for rate in rates {
                    write!(text, " {:>width$.0}", 100.0 * rate.share())?;
                }
            }
            None => {
                for count in &drawn.seen.read_as {
                    write!(text, " {count:>width$}")?;
                }
            }
        }
        writeln!(text)?;
    }
    write_channel_means(text, quality)?;
    writeln!(
        text,
        "\nThe Frechet distance is to all test images, in {} features of the classifier; that of real training images is \
         its\nfloor at this number of images. Distances to training images: root mean square over pixels in [-1, 1].",
        walkback::eval::classifier::FEATURES
    )
}

/// How bright each channel is: a cast of colour that the samples have and the data does not.
fn write_channel_means(text: &mut String, quality: &Quality) -> std::fmt::Result {
    let wanted = &quality.training_channel_means;
    let names: &[&str] = match wanted.len() {
        1 => &["grey"],
        3 => &["red", "green", "blue"],
        _ => return Ok(()),
    };
    write!(text, "\n{:<22}", "mean, in [-1, 1]")?;
    for name in names {
        write!(text, " {name:>8}")?;
    }
    writeln!(text, " {:>14}", "off by at most")?;
    let settings = quality.settings.iter();
    let drawn = settings.map(|drawn| (&drawn.setting[..], &drawn.seen.channel_means));
    for (name, means) in drawn.chain([("all training images", wanted)]) {
        write!(text, "{name:<22}")?;
        for mean in means {
            write!(text, " {mean:>8.3}")?;
        }
        let off = means
            .iter()
            .zip(wanted)
            .map(|(mean, wanted)| (mean - wanted).abs());
        writeln!(text, " {:>14.3}", off.fold(0.0, f64::max))?;
    }
    Ok(())
}

/// Where the model is at its best, and what shows it.
pub fn best(best: &Best) -> String {
    let mut text = String::new();
    let _ = write_best(&mut text, best);
    text
}

fn write_best(text: &mut String, best: &Best) -> std::fmt::Result {
    let (sampler, samples) = (&best.sampler, best.samples);
    writeln!(
        text,
        "\nWhere the model is at its best, from {samples} samples of each setting of {sampler}"
    )?;
    writeln!(text, "{:<22} {:>13} {:>9}", "", "read as label", "Frechet")?;
    for one in &best.measured {
        let rate = one
            .read_as_label
            .map_or_else(|| "-".to_owned(), |rate| percent(rate, 1));
        writeln!(text, "{:<22} {rate:>13} {:>9.2}", one.setting, one.frechet)?;
    }
    let floor = "real training images";
    writeln!(text, "{floor:<22} {:>13} {:>9.2}", "-", best.frechet_floor)?;
    match best.guidance_scale {
        Some([low, high]) if low == high => writeln!(text, "guidance {low}")?,
        Some([low, high]) => writeln!(text, "guidance {low} to {high}")?,
        None => {}
    }
    writeln!(text, "{} steps are enough", best.num_inference_steps)
}

fn row(text: &mut String, name: &str, seen: &Seen) -> std::fmt::Result {
    let dash = || "-".to_owned();
    let rate = seen.read_as_label.map_or_else(dash, with_interval);
    let frechet = seen.frechet.map_or_else(dash, |d| format!("{d:.2}"));
    write!(text, "{name:<22} {:>7} {rate:>26} {frechet:>9}", seen.count)?;
    match seen.nearest {
        Some(near) => writeln!(
            text,
            " {:>9.3} {:>7.3} {:>7.3}",
            near.median, near.five_percent, near.least
        ),
        None => writeln!(text, " {:>9} {:>7} {:>7}", "-", "-", "-"),
    }
}

fn with_interval(rate: Rate) -> String {
    let [low, high] = rate.interval;
    format!(
        "{} ({:.1} to {:.1})",
        percent(rate.share(), 1),
        100.0 * low,
        100.0 * high
    )
}

fn percent(share: f64, digits: usize) -> String {
    format!("{:.digits$}%", 100.0 * share)
}
