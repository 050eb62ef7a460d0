#include "CLlamaBridge.h"

#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>
#include <jerror.h>
#include <png.h>
#include <webp/decode.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

// stb_image, which libmtmd holds: for the formats that have no library of their own here.
extern "C" {
typedef struct {
    int (*read)(void * user, char * data, int size);
    void (*skip)(void * user, int count);
    int (*eof)(void * user);
} stbi_io_callbacks;

unsigned char * stbi_load_from_callbacks(const stbi_io_callbacks * callbacks, void * user, int * width, int * height,
                                         int * channels, int wanted_channels);
void            stbi_image_free(void * pixels);
}

namespace {

using status = atelier_image_status;

/// Bytes a decoder may hold beside its output; a picture of 50 megapixels needs 200 MB when it comes in no order of rows.
constexpr size_t memory_limit = size_t(400) << 20;
/// stb_image needs up to 13 bytes a pixel and takes no limit, so these formats get fewer pixels.
constexpr size_t stb_pixel_limit = 16'000'000;

/// When to give up.
class deadline {
  public:
    explicit deadline(double seconds) : end(clock::now() + std::chrono::duration_cast<clock::duration>(
                                                               std::chrono::duration<double>(seconds))) {}

    bool passed() const { return clock::now() >= end; }

  private:
    using clock = std::chrono::steady_clock;
    clock::time_point end;
};

/// Scales a picture down by averaging areas, fed row by row. Allocates only when made.
class shrinker {
  public:
    shrinker(uint32_t width, uint32_t height, uint32_t target_width, uint32_t target_height, uint8_t * pixels) :
        width(width),
        target_width(target_width),
        target_height(target_height),
        row_share(double(height) / target_height),
        pixels(pixels),
        averaged(size_t(target_width) * 3),
        sums(size_t(target_width) * 3) {}

    bool is_complete() const { return done == target_height; }

    /// `channels`: 3, or 4 with the opacity last.
    void add(const uint8_t * row, int channels) {
        average(row, channels);
        double place = double(taken++);
        double left  = 1;
        while (left > 1e-9 && done < target_height) {
            const double border = (double(done) + 1) * row_share;
            const double part   = std::min(left, border - place);
            for (size_t i = 0; i < sums.size(); ++i) {
                sums[i] += float(part) * averaged[i];
            }
            place += part;
            left  -= part;
            if (place >= border - 1e-6) {
                finish_row();
            }
        }
    }

  private:
    /// The row's averages over the columns of the target.
    void average(const uint8_t * row, int channels) {
        const double share = double(width) / target_width;
        for (uint32_t target = 0; target < target_width; ++target) {
            const double start = target * share;
            const double end   = std::min(start + share, double(width));
            float        sum[3] = {};
            for (auto column = uint32_t(start); column < width && column < end; ++column) {
                const float part = float(std::min(end, column + 1.0) - std::max(start, double(column)));
                const uint8_t * pixel = row + size_t(column) * channels;
                const float opacity   = channels == 4 ? pixel[3] / 255.0f : 1.0f;
                for (int c = 0; c < 3; ++c) {
                    sum[c] += part * (pixel[c] * opacity + 255.0f * (1 - opacity));
                }
            }
            for (int c = 0; c < 3; ++c) {
                averaged[size_t(target) * 3 + c] = sum[c] / float(share);
            }
        }
    }

    void finish_row() {
        uint8_t * row = pixels + size_t(done) * sums.size();
        for (size_t i = 0; i < sums.size(); ++i) {
            row[i]  = uint8_t(std::clamp(std::lround(sums[i] / row_share), 0L, 255L));
            sums[i] = 0;
        }
        ++done;
    }

    const uint32_t     width, target_width, target_height;
    const double       row_share;
    uint8_t * const    pixels;
    std::vector<float> averaged;
    std::vector<float> sums;
    uint32_t           taken = 0;
    uint32_t           done  = 0;
};

struct source {
    const uint8_t * bytes;
    size_t          count;
    size_t          place = 0;
    uint32_t        width;
    uint32_t        height;
    const deadline & limit;
};

// PNG. libpng leaves by longjmp, so what needs a destructor is made outside of the functions that it jumps through.

struct png_reader {
    png_structp png  = nullptr;
    png_infop   info = nullptr;
    /// 7 when the picture is interlaced, else 1.
    int       passes = 1;
    /// One row, or the whole picture when it is interlaced.
    std::vector<uint8_t> rows;

    ~png_reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

/// Up to where rows can be read; false when libpng refused.
bool png_begin(png_reader & reader, source & file) {
    if (setjmp(png_jmpbuf(reader.png))) {
        return false;
    }
    auto * png = reader.png;
    png_set_user_limits(png, file.width, file.height);
    png_set_chunk_cache_max(png, 64);
    png_set_chunk_malloc_max(png, 4 << 20);
    png_set_read_fn(png, &file, [](png_structp png, png_bytep target, size_t count) {
        auto * file = static_cast<source *>(png_get_io_ptr(png));
        if (count > file->count - file->place) {
            png_error(png, "the file ends too early");
        }
        std::memcpy(target, file->bytes + file->place, count);
        file->place += count;
    });
    png_read_info(png, reader.info);
    if (png_get_image_width(png, reader.info) != file.width ||
        png_get_image_height(png, reader.info) != file.height) {
        return false;
    }
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, 0xFF, PNG_FILLER_AFTER);
    reader.passes = png_set_interlace_handling(png);
    png_read_update_info(png, reader.info);
    return png_get_rowbytes(png, reader.info) == size_t(file.width) * 4;
}

status png_rows(png_reader & reader, source & file, shrinker & target) {
    if (setjmp(png_jmpbuf(reader.png))) {
        return ATELIER_IMAGE_DAMAGED;
    }
    const size_t length = size_t(file.width) * 4;
    for (int pass = 0; pass < reader.passes; ++pass) {
        for (uint32_t y = 0; y < file.height; ++y) {
            if (y % 64 == 0 && file.limit.passed()) {
                return ATELIER_IMAGE_TIMED_OUT;
            }
            uint8_t * row = reader.rows.data() + (reader.passes > 1 ? y * length : 0);
            png_read_row(reader.png, row, nullptr);
            if (pass == reader.passes - 1) {
                target.add(row, 4);
            }
        }
    }
    png_read_end(reader.png, nullptr);
    return ATELIER_IMAGE_OK;
}

status decode_png(source & file, shrinker & target) {
    png_reader reader;
    reader.png = png_create_read_struct(
        PNG_LIBPNG_VER_STRING, nullptr, [](png_structp png, png_const_charp) { png_longjmp(png, 1); },
        [](png_structp, png_const_charp) {});
    reader.info = reader.png != nullptr ? png_create_info_struct(reader.png) : nullptr;
    if (reader.info == nullptr) {
        throw std::bad_alloc();
    }
    if (!png_begin(reader, file)) {
        return ATELIER_IMAGE_DAMAGED;
    }
    const auto bytes = size_t(file.width) * 4 * (reader.passes > 1 ? file.height : 1);
    if (bytes > memory_limit) {
        return ATELIER_IMAGE_TOO_LARGE;
    }
    reader.rows.resize(bytes);
    return png_rows(reader, file, target);
}

// JPEG. As with libpng.

struct jpeg_reader {
    jpeg_decompress_struct jpeg = {};
    jpeg_error_mgr         errors = {};
    jpeg_progress_mgr      progress = {};
    std::jmp_buf           jump;
    const deadline *       limit = nullptr;
    status                 result = ATELIER_IMAGE_DAMAGED;
    bool                   is_incomplete = false;
    std::vector<uint8_t>   row;

    static jpeg_reader & of(j_common_ptr jpeg) { return *static_cast<jpeg_reader *>(jpeg->client_data); }

    ~jpeg_reader() { jpeg_destroy_decompress(&jpeg); }
};

bool jpeg_begin(jpeg_reader & reader, source & file, uint32_t target_width, uint32_t target_height) {
    auto & jpeg = reader.jpeg;
    jpeg.err    = jpeg_std_error(&reader.errors);
    jpeg.client_data = &reader;
    reader.errors.error_exit = [](j_common_ptr jpeg) {
        const int code = jpeg->err->msg_code;
        if (code == JERR_OUT_OF_MEMORY || code == JERR_NO_BACKING_STORE) {
            jpeg_reader::of(jpeg).result = ATELIER_IMAGE_TOO_LARGE;
        }
        std::longjmp(jpeg_reader::of(jpeg).jump, 1);
    };
    reader.errors.emit_message = [](j_common_ptr jpeg, int level) {
        const int code = jpeg->err->msg_code;
        if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) {
            jpeg_reader::of(jpeg).is_incomplete = true;
        }
    };
    reader.errors.output_message = [](j_common_ptr) {};
    if (setjmp(reader.jump)) {
        return false;
    }
    jpeg_create_decompress(&jpeg);
    jpeg.mem->max_memory_to_use = long(memory_limit);
    // A file of a thousand passes over a large picture is small.
    reader.progress.progress_monitor = [](j_common_ptr jpeg) {
        if (jpeg_reader::of(jpeg).limit->passed()) {
            jpeg_reader::of(jpeg).result = ATELIER_IMAGE_TIMED_OUT;
            std::longjmp(jpeg_reader::of(jpeg).jump, 1);
        }
    };
    jpeg.progress = &reader.progress;
    jpeg_mem_src(&jpeg, file.bytes, static_cast<unsigned long>(file.count));
    jpeg_read_header(&jpeg, TRUE);
    if (jpeg.image_width != file.width || jpeg.image_height != file.height) {
        return false;
    }
    jpeg.out_color_space = jpeg.num_components == 4 ? JCS_CMYK : JCS_RGB;
    // The decoder itself can leave out detail that would be averaged away.
    jpeg.scale_num = 1;
    for (jpeg.scale_denom = 8; jpeg.scale_denom > 1; jpeg.scale_denom /= 2) {
        if (file.width / jpeg.scale_denom >= target_width && file.height / jpeg.scale_denom >= target_height) {
            break;
        }
    }
    jpeg_start_decompress(&jpeg);
    return true;
}

bool jpeg_rows(jpeg_reader & reader, shrinker & target) {
    auto & jpeg = reader.jpeg;
    if (setjmp(reader.jump)) {
        return false;
    }
    while (jpeg.output_scanline < jpeg.output_height) {
        JSAMPROW row = reader.row.data();
        jpeg_read_scanlines(&jpeg, &row, 1);
        if (reader.is_incomplete) {
            return false;
        }
        if (jpeg.out_color_space == JCS_CMYK) {
            // As Adobe writes it, and everybody else after it: inverted.
            for (size_t x = 0; x < jpeg.output_width; ++x) {
                const uint8_t * ink = row + x * 4;
                for (int c = 0; c < 3; ++c) {
                    row[x * 3 + c] = uint8_t(ink[c] * ink[3] / 255);
                }
            }
        }
        target.add(row, 3);
    }
    return true;
}

status decode_jpeg(source & file, uint32_t target_width, uint32_t target_height, uint8_t * pixels) {
    jpeg_reader reader;
    reader.limit = &file.limit;
    if (!jpeg_begin(reader, file, target_width, target_height)) {
        return reader.result;
    }
    reader.row.resize(size_t(reader.jpeg.output_width) * 4);
    shrinker target(reader.jpeg.output_width, reader.jpeg.output_height, target_width, target_height, pixels);
    if (!jpeg_rows(reader, target) || !target.is_complete()) {
        return reader.result;
    }
    return ATELIER_IMAGE_OK;
}

// WebP scales by itself.

struct webp_reader {
    WebPDecoderConfig config = {};
    WebPIDecoder *    decoder = nullptr;

    ~webp_reader() {
        WebPIDelete(decoder);
        WebPFreeDecBuffer(&config.output);
    }
};

status decode_webp(source & file, uint32_t target_width, uint32_t target_height, uint8_t * pixels) {
    webp_reader reader;
    auto &      config = reader.config;
    if (!WebPInitDecoderConfig(&config) || WebPGetFeatures(file.bytes, file.count, &config.input) != VP8_STATUS_OK) {
        return ATELIER_IMAGE_DAMAGED;
    }
    if (config.input.has_animation) {
        return ATELIER_IMAGE_ANIMATED;
    }
    if (config.input.width != int(file.width) || config.input.height != int(file.height)) {
        return ATELIER_IMAGE_DAMAGED;
    }
    config.options.use_scaling   = target_width != file.width || target_height != file.height;
    config.options.scaled_width  = int(target_width);
    config.options.scaled_height = int(target_height);
    config.output.colorspace     = MODE_rgbA;
    reader.decoder               = WebPIDecode(nullptr, 0, &config);
    if (reader.decoder == nullptr) {
        throw std::bad_alloc();
    }
    constexpr size_t step  = size_t(256) << 10;
    VP8StatusCode    state = VP8_STATUS_SUSPENDED;
    while (state == VP8_STATUS_SUSPENDED && file.place < file.count) {
        if (file.limit.passed()) {
            return ATELIER_IMAGE_TIMED_OUT;
        }
        file.place = std::min(file.count, file.place + step);
        state      = WebPIUpdate(reader.decoder, file.bytes, file.place);
    }
    if (state != VP8_STATUS_OK) {
        return state == VP8_STATUS_OUT_OF_MEMORY ? ATELIER_IMAGE_TOO_LARGE : ATELIER_IMAGE_DAMAGED;
    }
    const auto & output = config.output.u.RGBA;
    for (size_t y = 0; y < target_height; ++y) {
        const uint8_t * row = output.rgba + y * size_t(output.stride);
        for (size_t x = 0; x < target_width; ++x) {
            // The colours are multiplied by the opacity already.
            for (int c = 0; c < 3; ++c) {
                *pixels++ = uint8_t(std::min(255, row[x * 4 + c] + 255 - row[x * 4 + 3]));
            }
        }
    }
    return ATELIER_IMAGE_OK;
}

// GIF and BMP.

struct stb_reader {
    source * file;
    bool     is_incomplete = false;
};

status decode_other(source & file, shrinker & target) {
    if (size_t(file.width) * file.height > stb_pixel_limit) {
        return ATELIER_IMAGE_TOO_LARGE;
    }
    if (file.count > INT_MAX) {
        return ATELIER_IMAGE_DAMAGED;
    }
    stbi_io_callbacks callbacks = {};
    callbacks.read = [](void * user, char * data, int size) {
        auto & reader = *static_cast<stb_reader *>(user);
        auto & file   = *reader.file;
        // Past the end stb_image goes on with zeros.
        const size_t count = file.limit.passed() ? 0 : std::min(size_t(size), file.count - file.place);
        if (count == 0 && size > 0) {
            reader.is_incomplete = true;
        }
        std::memcpy(data, file.bytes + file.place, count);
        file.place += count;
        return int(count);
    };
    callbacks.skip = [](void * user, int count) {
        auto & reader = *static_cast<stb_reader *>(user);
        auto & file   = *reader.file;
        // May be negative: what was read ahead is given back.
        const auto place = int64_t(file.place) + count;
        if (place < 0 || place > int64_t(file.count)) {
            reader.is_incomplete = true;
        }
        file.place = size_t(std::clamp(place, int64_t(0), int64_t(file.count)));
    };
    callbacks.eof = [](void * user) {
        const auto & file = *static_cast<stb_reader *>(user)->file;
        return int(file.place >= file.count);
    };
    stb_reader reader{ &file };
    int        width = 0, height = 0, channels = 0;
    auto *     pixels = stbi_load_from_callbacks(&callbacks, &reader, &width, &height, &channels, 4);
    status     result = ATELIER_IMAGE_DAMAGED;
    if (pixels != nullptr && !reader.is_incomplete && width == int(file.width) && height == int(file.height)) {
        for (int y = 0; y < height; ++y) {
            target.add(pixels + size_t(y) * width * 4, 4);
        }
        result = ATELIER_IMAGE_OK;
    }
    stbi_image_free(pixels);
    return result == ATELIER_IMAGE_OK || !file.limit.passed() ? result : ATELIER_IMAGE_TIMED_OUT;
}

status decode(int32_t format, source & file, uint32_t target_width, uint32_t target_height, uint8_t * pixels) {
    if (format == ATELIER_IMAGE_JPEG) {
        return decode_jpeg(file, target_width, target_height, pixels);
    }
    if (format == ATELIER_IMAGE_WEBP) {
        return decode_webp(file, target_width, target_height, pixels);
    }
    shrinker     target(file.width, file.height, target_width, target_height, pixels);
    const status result = format == ATELIER_IMAGE_PNG ? decode_png(file, target) : decode_other(file, target);
    return result == ATELIER_IMAGE_OK && !target.is_complete() ? ATELIER_IMAGE_DAMAGED : result;
}

}  // namespace

void atelier_image_scaled_size(uint32_t * width, uint32_t * height, uint32_t longest_side) {
    const uint32_t longer = std::max(*width, *height);
    if (longer <= longest_side) {
        return;
    }
    const auto scaled = [&](uint32_t side) {
        return uint32_t(std::max(1L, std::lround(double(side) * longest_side / longer)));
    };
    *width  = scaled(*width);
    *height = scaled(*height);
}

int32_t atelier_image_decode(int32_t format, const uint8_t * bytes, size_t count, uint32_t width, uint32_t height,
                             uint32_t longest_side, double seconds, atelier_image * image) {
    *image = {};
    if (width == 0 || height == 0 || longest_side == 0) {
        return ATELIER_IMAGE_DAMAGED;
    }
    const deadline limit(seconds);
    source         file{ bytes, count, 0, width, height, limit };
    uint32_t       target_width = width, target_height = height;
    atelier_image_scaled_size(&target_width, &target_height, longest_side);
    auto * pixels = static_cast<uint8_t *>(std::malloc(size_t(target_width) * target_height * 3));
    status result = ATELIER_IMAGE_TOO_LARGE;
    if (pixels != nullptr) {
        try {
            result = decode(format, file, target_width, target_height, pixels);
        } catch (...) {
            // Out of memory; the libraries themselves throw nothing.
        }
    }
    if (result == ATELIER_IMAGE_OK) {
        *image = { target_width, target_height, pixels };
    } else {
        std::free(pixels);
    }
    return result;
}

void atelier_image_free(atelier_image * image) {
    std::free(image->pixels);
    *image = {};
}
