//! What a run leaves behind: metrics that survive a crash, and a picture of the loss.

#![cfg(feature = "native")]

use std::fs;

use walkback::train::report::{Metrics, MetricsWriter, ReportError, loss_curve_png, read_metrics};

fn row(step: u64) -> Metrics {
    Metrics {
        step,
        epoch: step as f64 / 4.0,
        loss: 1.0 / (step as f64 + 0.1),
        loss_ema: 1.0 / (step as f64 + 0.3),
        lr: 1e-3,
        grad_norm: 0.123_456_789_012_345_67,
        images_per_s: 100.5,
        elapsed_s: 12.5,
    }
}

#[test]
fn rows_come_back_as_they_were_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run/metrics.csv");
    let mut writer = MetricsWriter::open(&path, 0).unwrap();
    for step in 1..=5 {
        writer.push(&row(step)).unwrap();
    }
    assert_eq!(
        read_metrics(&path).unwrap(),
        (1..=5).map(row).collect::<Vec<_>>()
    );
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with("step,epoch,loss,loss_ema,lr,grad_norm,images_per_s,elapsed_s\n1,0.2500,")
    );
}

#[test]
fn a_resumed_run_drops_the_rows_it_will_take_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.csv");
    let mut writer = MetricsWriter::open(&path, 0).unwrap();
    for step in 1..=9 {
        writer.push(&row(step)).unwrap();
    }
    // Killed within a write.
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("10,2.5,0.0");
    fs::write(&path, text).unwrap();
    let mut writer = MetricsWriter::open(&path, 6).unwrap();
    writer.push(&row(7)).unwrap();
    assert_eq!(
        read_metrics(&path).unwrap(),
        (1..=7).map(row).collect::<Vec<_>>()
    );
}

#[test]
fn a_new_run_starts_a_new_file_and_a_resumed_one_needs_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.csv");
    MetricsWriter::open(&path, 40).unwrap();
    assert_eq!(read_metrics(&path).unwrap(), []);
    MetricsWriter::open(&path, 0)
        .unwrap()
        .push(&row(1))
        .unwrap();
    MetricsWriter::open(&path, 0).unwrap();
    assert_eq!(read_metrics(&path).unwrap(), []);
}

#[test]
fn a_row_that_is_none_is_named_by_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.csv");
    fs::write(&path, "step,loss\n1,2,3\n").unwrap();
    assert_eq!(
        read_metrics(&path).unwrap_err().to_string(),
        format!(
            "{}: line 2 is not a row of metrics. Fix it or delete the file",
            path.display()
        )
    );
}

#[test]
fn the_loss_curve_shows_lines_and_letters() {
    let rows: Vec<Metrics> = (1..=5000).map(row).collect();
    let png = loss_curve_png(&rows).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(&png))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (960, 540));
    let (pixels, _) = pixels.as_chunks::<3>();
    let blue = pixels.iter().filter(|&&p| p == [24, 90, 157]).count();
    assert!(blue > 500, "the running average is drawn: {blue}");
    // The strip below the axis holds nothing but its numbers and its name.
    let strip = &pixels[960 * 500..];
    let ink = strip.iter().filter(|&&[r, _, _]| r < 128).count();
    assert!(ink > 50, "text is drawn: {ink}");
}

#[test]
fn a_run_of_one_step_has_a_curve_and_one_of_none_has_not() {
    assert!(loss_curve_png(&[row(1)]).is_ok());
    assert!(matches!(loss_curve_png(&[]), Err(ReportError::Empty)));
}
