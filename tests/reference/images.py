"""Makes images/: small honest images, Pillow's pixels of each, and whether Pillow reads damaged copies of them.

Needs pillow and numpy. `python images.py` writes images/* anew; the damaged copies are not stored but described in
images/expected.json, so that the tests make them again.
"""
import io
import json
import random
from pathlib import Path

import numpy
from PIL import Image, ImageFile, ImageOps, __version__

HERE = Path(__file__).parent / 'images'
WIDTH, HEIGHT = 48, 40
# Mean colours of a grid of so many cells a side, over the middle square, are what the tests compare.
CELLS = 4


def scene():
    """A picture that is smooth in most places, with an edge and some noise, and another colour in every cell."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    red = 40 + 4 * x
    green = 128 + 90 * numpy.sin(x / 5) * numpy.cos(y / 7)
    blue = numpy.where(x + y < 40, 220, 30)
    noise = numpy.random.default_rng(7).integers(0, 12, (HEIGHT, WIDTH, 3))
    return numpy.clip(numpy.stack([red, green, blue], 2) + noise, 0, 255).astype(numpy.uint8)


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def honest():
    rgb = Image.fromarray(scene())
    grey = rgb.convert('L')
    baseline = encoded(rgb, 'JPEG', quality=80)
    end = baseline.rindex(b'\xff\xd9')
    exif = Image.Exif()
    exif[0x0112] = 6
    rgba = rgb.copy()
    rgba.putalpha(grey)
    deep = Image.fromarray(numpy.asarray(grey).astype(numpy.uint16) * 257)
    return {
        'baseline.jpg': baseline,
        'whole_colour.jpg': encoded(rgb, 'JPEG', quality=80, subsampling=0),
        'progressive.jpg': encoded(rgb, 'JPEG', quality=80, progressive=True),
        'grey.jpg': encoded(grey, 'JPEG', quality=80),
        'grey_progressive.jpg': encoded(grey, 'JPEG', quality=80, progressive=True),
        'cmyk.jpg': encoded(rgb.convert('CMYK'), 'JPEG', quality=80),
        'restarts.jpg': encoded(rgb, 'JPEG', quality=80, restart_marker_blocks=2),
        'turned.jpg': encoded(rgb, 'JPEG', quality=80, exif=exif),
        # Cameras and editors append previews, makers' notes and padding.
        'appended.jpg': baseline + b'\0' * 20 + b'appended' * 5,
        # A common fault of one encoder, which all readers forgive.
        'stray_byte.jpg': baseline[:end] + b'\0' + baseline[end:],
        'fill_bytes.jpg': baseline[:2] + b'\xff\xff' + baseline[2:end] + b'\xff\xff' + baseline[end:],
        'plain.png': encoded(rgb, 'PNG'),
        'alpha.png': encoded(rgba, 'PNG'),
        'palette.png': encoded(rgb.quantize(64), 'PNG'),
        'deep.png': encoded(deep, 'PNG'),
        'lossy.webp': encoded(rgb, 'WEBP', quality=80),
        'lossless.webp': encoded(rgb, 'WEBP', lossless=True),
        'plain.bmp': encoded(rgb, 'BMP'),
        'plain.tif': encoded(rgb, 'TIFF'),
        'lzw.tif': encoded(rgb, 'TIFF', compression='tiff_lzw'),
        'deflate.tiff': encoded(rgb, 'TIFF', compression='tiff_adobe_deflate'),
        'plain.gif': encoded(rgb.quantize(64), 'GIF'),
    }


def read(data):
    """Pixels as RGB, turned as EXIF says; `None` where Pillow refuses."""
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
        if image.mode.startswith('I;16'):
            image = Image.fromarray((numpy.asarray(image) / 257).round().astype(numpy.uint8))
        return numpy.asarray(ImageOps.exif_transpose(image).convert('RGB'))
    except Exception:
        return None


def cells(pixels):
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    pixels = pixels[top:top + side, left:left + side]
    rows = numpy.array_split(pixels.astype(float), CELLS, 0)
    means = [cell.mean((0, 1)) for row in rows for cell in numpy.array_split(row, CELLS, 1)]
    return [round(value, 2) for mean in means for value in mean.tolist()]


def damaged(data, draw):
    """Cuts, and numbers of bytes overwritten; each as the tests read it."""
    size = len(data)
    for part in (0.005, 0.3, 0.6, 0.9, 0.98):
        yield {'cut': max(1, int(size * part))}
    for less in (1, 2, 3, 12):
        yield {'cut': size - less}
    for _ in range(30):
        at = draw.randrange(2, size)
        length = draw.choice((1, 1, 2, 4, 16))
        yield {'at': at, 'bytes': [draw.choice((0, 255, draw.randrange(256))) for _ in range(min(length, size - at))]}


def apply(data, damage):
    if 'cut' in damage:
        return data[:damage['cut']]
    at, new = damage['at'], bytes(damage['bytes'])
    return data[:at] + new + data[at + len(new):]


def main():
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    HERE.mkdir(exist_ok=True)
    draw = random.Random(16)
    files = []
    for name, data in honest().items():
        (HERE / name).write_bytes(data)
        damages = [damage | {'read': read(apply(data, damage)) is not None} for damage in damaged(data, draw)]
        files.append({'name': name, 'cells': cells(read(data)), 'damaged': damages})
    lines = ',\n'.join(json.dumps(file, separators=(',', ':')) for file in files)
    (HERE / 'expected.json').write_text(f'{{"pillow":"{__version__}","files":[\n{lines}\n]}}\n')


main()
