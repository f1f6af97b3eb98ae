#include "im/rest/tim_elements.h"

#include <algorithm>
#include <array>
#include <span>

namespace nightpost::im {
namespace {

constexpr std::int32_t kElementFault = 90010;
constexpr std::size_t kElementsMax = 1'000;  // before the service's own limit
constexpr std::int64_t kCountMax = (std::int64_t(1) << 53) - 1;

enum class Is : std::uint8_t { Text, Count, Real, ImageFormat };
struct Member {
  const char* tim;
  const char* ours;
  Is is = Is::Text;
  bool always = false;  // written even where empty or 0
};

constexpr std::array kText = {Member{"Text", "text", Is::Text, true}};
constexpr std::array kLocation = {Member{"Desc", "desc"}, Member{"Latitude", "latitude", Is::Real, true},
                                  Member{"Longitude", "longitude", Is::Real, true}};
constexpr std::array kFace = {Member{"Index", "index", Is::Count, true}, Member{"Data", "data"}};
constexpr std::array kCustom = {Member{"Data", "data", Is::Text, true}, Member{"Desc", "desc"}, Member{"Ext", "ext"},
                                Member{"Sound", "sound"}};
constexpr std::array kSound = {Member{"Url", "url"}, Member{"UUID", "uuid"}, Member{"Size", "size", Is::Count},
                               Member{"Second", "seconds", Is::Count}};
constexpr std::array kImage = {Member{"UUID", "uuid"}, Member{"ImageFormat", "format", Is::ImageFormat}};
constexpr std::array kFile = {Member{"Url", "url"}, Member{"UUID", "uuid"}, Member{"FileSize", "size", Is::Count},
                              Member{"FileName", "name"}};
constexpr std::array kVideo = {Member{"VideoUrl", "url"}, Member{"VideoUUID", "uuid"},
                               Member{"VideoSize", "size", Is::Count}, Member{"VideoSecond", "seconds", Is::Count},
                               Member{"VideoFormat", "format"}};
constexpr std::array kThumb = {Member{"ThumbUrl", "url"},
                               Member{"ThumbUUID", "uuid"},
                               Member{"ThumbSize", "size", Is::Count},
                               Member{"ThumbWidth", "width", Is::Count},
                               Member{"ThumbHeight", "height", Is::Count},
                               Member{"ThumbFormat", "format"}};
constexpr std::array kRendition = {Member{"URL", "url"}, Member{"Size", "size", Is::Count},
                                   Member{"Width", "width", Is::Count}, Member{"Height", "height", Is::Count}};

struct Kind {
  std::string_view tim, ours;
  std::span<const Member> members;
  const char* download_flag = nullptr;  // clients expect a 2 there: download by the URL
};
constexpr std::array kKinds = {
    Kind{"TIMTextElem", "text", kText},
    Kind{"TIMLocationElem", "location", kLocation},
    Kind{"TIMFaceElem", "face", kFace},
    Kind{"TIMCustomElem", "custom", kCustom},
    Kind{"TIMSoundElem", "voice", kSound, "Download_Flag"},
    Kind{"TIMImageElem", "image", kImage},
    Kind{"TIMFileElem", "file", kFile, "Download_Flag"},
    Kind{"TIMVideoFileElem", "video", kVideo, "VideoDownloadFlag"},
};

struct Numbered {
  std::int64_t number;
  std::string_view name;
};
constexpr std::array<Numbered, 5> kFormats = {{{1, "jpg"}, {2, "gif"}, {3, "png"}, {4, "bmp"}, {255, "other"}}};
constexpr std::array<Numbered, 3> kRenditions = {{{1, "original"}, {2, "large"}, {3, "thumb"}}};

void read_format(Fields& from, const Member& member, RestJson& to) {
  const auto number = from.number_if(member.tim, 0, 255);
  if (!number) return;
  const auto known = std::ranges::find(kFormats, *number, &Numbered::number);
  to[member.ours] = known == kFormats.end() ? "other" : known->name;
}

void read_members(Fields& from, std::span<const Member> members, RestJson& to) {
  for (const Member& member : members) {
    switch (member.is) {
      case Is::Text: {
        const auto text = from.text_if(member.tim);
        if (member.always || !text.value_or("").empty()) to[member.ours] = text.value_or("");
        break;
      }
      case Is::Count:
        if (const auto number = from.number_if(member.tim, 0, kCountMax)) to[member.ours] = *number;
        break;
      case Is::Real:
        if (const auto number = from.real_if(member.tim)) to[member.ours] = *number;
        break;
      case Is::ImageFormat:
        read_format(from, member, to);
        break;
    }
  }
}

void read_renditions(Fields& content, RestJson& to) {
  RestJson images = RestJson::array();
  content.each("ImageInfoArray", kRenditions.size(), [&](Fields& info) {
    RestJson image;
    const std::int64_t type = info.number("Type", 1, 3);
    const auto known = std::ranges::find(kRenditions, type, &Numbered::number);
    image["type"] = known == kRenditions.end() ? "original" : known->name;
    read_members(info, kRendition, image);
    images.push_back(std::move(image));
  });
  to["images"] = std::move(images);
}

void read_content(Fields& content, const Kind& kind, RestJson& out) {
  read_members(content, kind.members, out);
  if (kind.ours == "image") read_renditions(content, out);
  if (kind.ours == "video") {
    RestJson thumb = RestJson::object();
    read_members(content, kThumb, thumb);
    if (thumb.contains("url") || thumb.contains("uuid")) out["snapshot"] = std::move(thumb);
  }
}

RestJson read_element(Fields& element) {
  const std::string type = element.text("MsgType");
  RestJson out = RestJson::object();
  if (element.failed()) return out;
  const auto kind = std::ranges::find(kKinds, type, &Kind::tim);
  if (kind == kKinds.end()) {
    element.fail("MsgType",
                 "not one of TIMTextElem, TIMLocationElem, TIMFaceElem, TIMCustomElem, TIMSoundElem, "
                 "TIMImageElem, TIMFileElem, TIMVideoFileElem");
    return out;
  }
  out["type"] = kind->ours;
  if (!element.has("MsgContent")) element.fail("MsgContent", "missing");
  Fields content = element.object("MsgContent");
  read_content(content, *kind, out);
  return out;
}

void write_members(const RestJson& from, std::span<const Member> members, RestJson& to) {
  for (const Member& member : members) {
    const auto found = from.find(member.ours);
    if (member.is == Is::ImageFormat) {
      const auto known = found == from.end() ? kFormats.end()
                                             : std::ranges::find(kFormats, found->get<std::string>(), &Numbered::name);
      to[member.tim] = known == kFormats.end() ? 255 : known->number;
    } else if (found != from.end()) {
      to[member.tim] = *found;
    } else if (member.is == Is::Text) {  // typed clients expect every member
      to[member.tim] = "";
    } else {
      to[member.tim] = 0;
    }
  }
}

RestJson write_images(const RestJson& element) {
  RestJson out = RestJson::array();
  for (const RestJson& image : element.value("images", RestJson::array())) {
    const auto known = std::ranges::find(kRenditions, image.value("type", ""), &Numbered::name);
    RestJson info;
    info["Type"] = known == kRenditions.end() ? 1 : known->number;
    write_members(image, kRendition, info);
    out.push_back(std::move(info));
  }
  return out;
}

RestJson write_element(const RestJson& element) {
  const std::string type = element.value("type", "");
  const auto kind = std::ranges::find(kKinds, type, &Kind::ours);
  RestJson content = RestJson::object();
  if (kind == kKinds.end()) {
    content = {{"Data", element.dump()}, {"Desc", type}, {"Ext", ""}, {"Sound", ""}};
    return {{"MsgType", "TIMCustomElem"}, {"MsgContent", std::move(content)}};
  }
  write_members(element, kind->members, content);
  if (kind->download_flag != nullptr) content[kind->download_flag] = 2;
  if (type == "image") content["ImageInfoArray"] = write_images(element);
  if (type == "video") {
    write_members(element.value("snapshot", RestJson::object()), kThumb, content);
    content["ThumbDownloadFlag"] = 2;
  }
  return {{"MsgType", std::string(kind->tim)}, {"MsgContent", std::move(content)}};
}

}  // namespace

std::vector<std::pair<std::string_view, std::list<FieldNote>>> element_notes() {
  std::vector<std::pair<std::string_view, std::list<FieldNote>>> out;
  for (const Kind& kind : kKinds) {
    FieldNotes notes;
    Fault none;
    RestJson unused = RestJson::object();
    Fields content(notes, notes.fields, none);
    read_content(content, kind, unused);
    out.emplace_back(kind.tim, std::move(notes.fields));
  }
  return out;
}

TimBody elements_from_tim(Fields& request) {
  if (request.noted_as("MsgBody", kMsgBody, true)) return {};
  const nlohmann::json* const raw = request.raw("MsgBody");
  if (raw == nullptr) request.fail("MsgBody", "missing", 90002);
  if (raw != nullptr && !raw->is_array()) request.fail("MsgBody", "not an array", 90007);
  TimBody out;
  RestJson elements = RestJson::array();
  int customs = 0;
  if (request.failed()) return out;
  request.each(
      "MsgBody", kElementsMax,
      [&](Fields& element) {
        RestJson made = read_element(element);
        if (made.value("type", "") == "custom") {
          if (++customs > 1) element.fail("", "a second TIMCustomElem: a message has one at most");
          out.custom_ext = made.value("ext", "");
        }
        elements.push_back(std::move(made));
      },
      kElementFault);
  out.elements = elements.dump(-1, ' ', false, RestJson::error_handler_t::replace);
  return out;
}

RestJson elements_to_tim(std::string_view elements) {
  RestJson out = RestJson::array();
  const RestJson stored = RestJson::parse(elements, nullptr, false);
  if (!stored.is_array()) return out;
  for (const RestJson& element : stored) out.push_back(write_element(element));
  return out;
}

std::string as_msg_body(std::string why) {
  constexpr std::string_view kOurs = "elements";
  return why.starts_with(kOurs) ? "MsgBody" + why.substr(kOurs.size()) : why;
}

}  // namespace nightpost::im
