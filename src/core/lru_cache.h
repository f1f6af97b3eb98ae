// A bounded map: the least recently used goes first.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <list>
#include <unordered_map>
#include <utility>

namespace nightpost {

/// At most `max` values by key; none at 0. Single-threaded. A value stays where it is until it goes. `View`: what a
/// key is looked up by, where that is not the key itself; made of a Key it may look into that key, which owns the text,
/// and a Key can be made of it.
template <class Key, class Value, class View = Key, class Hash = std::hash<View>>
class LruCache {
 public:
  explicit LruCache(std::size_t max) : max_(max) {}
  LruCache(const LruCache&) = delete;
  LruCache& operator=(const LruCache&) = delete;
  LruCache(LruCache&&) = default;

  /// Null: not there. Else it is now the most recently used.
  Value* find(const View& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    touch(found->second);
    return &found->second->second;
  }
  /// Adds the value or replaces it; it is now the most recently used. Returns how many had to go for it: 0 or 1.
  std::size_t put(const View& key, Value value) {
    return put(key, std::move(value), [](const Value&) { return true; });
  }
  /// `may_go`: whether a value may be taken for the room. One that may not counts as used just now, and after a few of
  /// them nothing goes: the bound is passed by what must stay.
  template <class MayGo>
  std::size_t put(const View& key, Value value, MayGo may_go) {
    if (Value* const known = find(key)) {
      *known = std::move(value);
      return 0;
    }
    if (max_ == 0) return 1;
    const bool full = nodes_.size() >= max_ && make_room(may_go);
    nodes_.emplace_front(Key(key), std::move(value));
    index_.emplace(View(nodes_.front().first), nodes_.begin());
    return full ? 1 : 0;
  }
  bool erase(const View& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return false;
    erase(found->second);
    return true;
  }
  /// Calls visit(Value&) for each; none of them counts as used by that.
  template <class Visit>
  void for_each(Visit visit) {
    for (auto& [key, value] : nodes_) visit(value);
  }
  /// Those whose matches(Value&), or matches(const Key&, Value&), is true.
  template <class Matches>
  void erase_if(Matches matches) {
    for (auto at = nodes_.begin(); at != nodes_.end();) {
      const auto node = at++;
      if constexpr (std::invocable<Matches&, const Key&, Value&>) {
        if (matches(node->first, node->second)) erase(node);
      } else {
        if (matches(node->second)) erase(node);
      }
    }
  }
  void clear() {
    index_.clear();
    nodes_.clear();
  }
  std::size_t size() const noexcept { return nodes_.size(); }

 private:
  using Node = std::pair<const Key, Value>;
  static constexpr int kLooks = 8;  // at values that may not go, before it is given up

  void touch(typename std::list<Node>::iterator node) {
    if (node != nodes_.begin()) nodes_.splice(nodes_.begin(), nodes_, node);
  }
  template <class MayGo>
  bool make_room(MayGo may_go) {
    for (int look = 0; look < kLooks && !nodes_.empty(); ++look) {
      const auto oldest = std::prev(nodes_.end());
      if (may_go(std::as_const(oldest->second))) {
        erase(oldest);
        return true;
      }
      touch(oldest);
    }
    return false;
  }
  void erase(typename std::list<Node>::iterator node) {
    index_.erase(View(node->first));
    nodes_.erase(node);
  }

  std::size_t max_;
  std::list<Node> nodes_;  // the most recently used first
  std::unordered_map<View, typename std::list<Node>::iterator, Hash> index_;
};

}  // namespace nightpost
