#include "im/domain/elements.h"

#include <array>
#include <utility>

#include "im/domain/shape.h"

namespace nightpost::im {
namespace {

constexpr std::size_t kTextMax = 1024 * 1024;  // ElementLimits::bytes_max comes before: then the message is too large
constexpr std::size_t kElementsMax = 1000;     // the greatest ElementLimits::count_max
constexpr std::size_t kUrlMax = 1024;
constexpr std::size_t kUuidMax = 128;

// Media are fields only: the bytes lie where the app put them, under `uuid`, `url` or both.
constexpr Field kUuid{.name = "uuid", .is = Is::Plain, .most = kUuidMax, .least = 1};
constexpr Field kUrl{.name = "url", .is = Is::WebUrl, .most = kUrlMax};
constexpr Field kSize{.name = "size", .is = Is::Count};  // bytes
constexpr Field kSeconds{.name = "seconds", .is = Is::Count};
constexpr Field kWidth{.name = "width", .is = Is::Count};  // pixels
constexpr Field kHeight{.name = "height", .is = Is::Count};
constexpr Field kFormat{.name = "format", .is = Is::Plain, .most = 16};  // "mp4"

constexpr std::array kText = {
    Field{.name = "text", .is = Is::Text, .most = kTextMax, .required = true, .least = 1, .shown = true}};

constexpr std::array<std::string_view, 3> kRenditions = {"original", "large", "thumb"};
constexpr std::array kRendition = {
    Field{.name = "type", .is = Is::Word, .required = true, .words = kRenditions}, kUuid, kUrl, kSize, kWidth, kHeight};
constexpr Shape kRenditionShape{kRendition, "uuid", "url"};
constexpr std::array<std::string_view, 5> kImageFormats = {"jpg", "gif", "png", "bmp", "other"};
constexpr std::array kImage = {
    kUuid, Field{.name = "format", .is = Is::Word, .words = kImageFormats},
    Field{.name = "images", .is = Is::Objects, .most = 3, .required = true, .least = 1, .inside = &kRenditionShape}};

constexpr std::array kVoice = {kUuid, kUrl, kSize, kSeconds};

constexpr std::array kSnapshot = {kUuid, kUrl, kFormat, kSize, kWidth, kHeight};
constexpr Shape kSnapshotShape{kSnapshot, "uuid", "url"};
constexpr std::array kVideo = {kUuid, kUrl,     kFormat,
                               kSize, kSeconds, Field{.name = "snapshot", .is = Is::Object, .inside = &kSnapshotShape}};

constexpr std::array kFile = {
    Field{.name = "name", .is = Is::Plain, .most = 255, .required = true, .least = 1, .shown = true}, kUuid, kUrl,
    kSize};

// Both are bounded alike: the field's own samples have 113.93 in the latitude.
constexpr std::array kLocation = {Field{.name = "desc", .is = Is::Text, .most = 1024, .shown = true},
                                  Field{.name = "latitude", .is = Is::Degrees, .required = true},
                                  Field{.name = "longitude", .is = Is::Degrees, .required = true}};

constexpr std::array kFace = {Field{.name = "index", .is = Is::Count},
                              Field{.name = "data", .is = Is::Text, .most = 4096}};

constexpr std::array kCustom = {Field{.name = "data", .is = Is::Text, .most = kTextMax, .required = true},
                                Field{.name = "desc", .is = Is::Text, .most = 2048, .shown = true},
                                Field{.name = "ext", .is = Is::Text, .most = 4096},
                                Field{.name = "sound", .is = Is::Plain, .most = 255}};

// Forwarded messages: their copies are stored like a file, since together they are larger than a message.
constexpr std::array kMerged = {
    Field{.name = "title", .is = Is::Text, .most = 1024, .required = true, .least = 1, .shown = true},
    Field{.name = "abstract", .is = Is::Texts, .most = 10, .shown = true}, Field{.name = "count", .is = Is::Count},
    kUuid, kUrl};

constexpr std::array kCard = {Field{.name = "user", .is = Is::Plain, .most = 32, .required = true, .least = 1},
                              Field{.name = "nick", .is = Is::Text, .most = 500, .shown = true},
                              Field{.name = "face", .is = Is::WebUrl, .most = kUrlMax}};

constexpr std::array kKinds = {
    TaggedShape{"text", {kText}, "text"},
    TaggedShape{"image", {kImage}},
    TaggedShape{"voice", {kVoice, "uuid", "url"}, "", true},
    TaggedShape{"video", {kVideo, "uuid", "url"}},
    TaggedShape{"file", {kFile, "uuid", "url"}},
    TaggedShape{"location", {kLocation}},
    TaggedShape{"face", {kFace, "index", "data"}},
    TaggedShape{"custom", {kCustom}, "desc"},
    TaggedShape{"merged", {kMerged, "uuid", "url"}},
    TaggedShape{"card", {kCard}},
};

}  // namespace

Answer<CheckedElements> check_elements(std::string_view json, const ElementLimits& limits) {
  Answer<Reshaped> checked = reshaped_array(json, kKinds, "elements", limits.count_max, limits.bytes_max, kPreviewMax);
  if (!checked) return std::unexpected(std::move(checked.error()));
  return CheckedElements{std::move(checked->json), std::move(checked->preview)};
}

std::optional<std::string> reworded_elements(std::string_view canonical, const Reword& reword) {
  Answer<Reshaped> other =
      reshaped_array(canonical, kKinds, "elements", kElementsMax, canonical.size() + 1, kPreviewMax, &reword);
  if (!other || other->json == canonical) return std::nullopt;
  return std::move(other->json);
}

}  // namespace nightpost::im
