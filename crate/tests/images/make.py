"""Regenerates the images of this folder, each 24 x 16 with the same four colours, as other programs write them.

    python -m venv venv && venv/bin/pip install pillow==13.0.0 numpy==2.4.6
    venv/bin/python crate/tests/images/make.py
"""

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
COLOURS = {"red": (220, 30, 30), "green": (40, 200, 60), "blue": (30, 30, 220), "grey": (120, 120, 120)}


def picture():
    pixels = np.zeros((16, 24, 3), np.uint8)
    for i, colour in enumerate(COLOURS.values()):
        pixels[:, 6 * i : 6 * (i + 1)] = colour
    return Image.fromarray(pixels)


def ink(image):
    """Cyan, magenta, yellow and black: as much black as there is in all three."""
    rgb = np.asarray(image).astype(float) / 255
    k = 1 - rgb.max(axis=2, keepdims=True)
    cmy = (1 - rgb - k) / np.maximum(1 - k, 1e-9)
    return Image.fromarray((np.concatenate([cmy, k], axis=2) * 255).round().astype(np.uint8), "CMYK")


def main():
    image = picture()
    cmyk = ink(image)
    how = {"quality": 95, "subsampling": 0}
    cmyk.save(HERE / "cmyk.jpg", **how)
    cmyk.save(HERE / "cmyk_progressive.jpg", progressive=True, **how)
    # YCCK: the inks, inverted, as red, green and blue in YCbCr. Pillow does not write it, but stores four channels as
    # they are, inverted; Adobe's marker then says what they are.
    stored = 255 - np.asarray(cmyk)
    ycc = np.asarray(Image.fromarray(255 - stored[..., :3]).convert("YCbCr"))
    raw = Image.fromarray(np.concatenate([255 - ycc, 255 - stored[..., 3:]], axis=2), "CMYK")
    raw.save(HERE / "ycck.jpg", **how)
    data = bytearray((HERE / "ycck.jpg").read_bytes())
    data[data.index(b"Adobe") + 11] = 2
    (HERE / "ycck.jpg").write_bytes(data)
    image.save(HERE / "lossless.webp", lossless=True)
    image.save(HERE / "lossy.webp", quality=95)
    image.save(HERE / "image.bmp")
    image.save(HERE / "image.tiff", compression="tiff_lzw")
    image.save(HERE / "two_frames.gif", save_all=True, append_images=[Image.new("RGB", image.size, (1, 2, 3))])
    image.quantize(8).save(HERE / "palette.png")
    with ZipFile(HERE / "deflated.zip", "w", ZIP_DEFLATED) as archive:
        for i in range(16):
            archive.write(HERE / "image.bmp", f"bars/{i}.bmp")


if __name__ == "__main__":
    main()
    for path in sorted(HERE.glob("*.*")):
        if path.suffix not in [".py", ".zip"]:
            pixels = np.asarray(Image.open(path).convert("RGB"))
            print(path.name, path.stat().st_size, [tuple(int(v) for v in pixels[8, 3 + 6 * i]) for i in range(4)])
