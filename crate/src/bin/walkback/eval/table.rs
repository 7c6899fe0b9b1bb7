//! The report as a person reads it.

use std::fmt::Write;

use walkback::eval::samples::Rate;

use super::Report;
use super::quality::{Quality, Seen};

/// The whole report as text.
pub fn text(report: &Report) -> String {
    let mut text = format!(
        "{}, judged on {} test images\n",
        report.model, report.test_images
    );
    if let Some(samples) = &report.samples {
        // Writing to a String cannot fail.
        let _ = quality(&mut text, samples);
    }
    text
}

fn quality(text: &mut String, quality: &Quality) -> std::fmt::Result {
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
    }
    row(text, "real training images", &quality.training_images)?;
    row(text, "real test images", &quality.test_images)?;

    let width = quality
        .classes
        .iter()
        .map(|name| name.chars().count())
        .max();
    let width = width.unwrap_or(0).clamp(4, 10);
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
    writeln!(
        text,
        "\nThe Frechet distance is to all test images, in {} features of the classifier; that of real training images is \
         its\nfloor at this number of images. Distances to training images: root mean square over pixels in [-1, 1].",
        walkback::eval::classifier::FEATURES
    )
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
