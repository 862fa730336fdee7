#ifndef SPINDLE_BASE_INTRUSIVE_LIST_H_
#define SPINDLE_BASE_INTRUSIVE_LIST_H_

#include <cstddef>
#include <cstring>
#include <iterator>

#include "base/check.h"

namespace spindle {

// Makes its owner a member of at most one list at a time; an object in two lists has two hooks.
// One thread at a time, the same as the list. Address-stable: neither copied nor moved.
// Must be unlinked when destroyed (DCHECK).
struct ListHook {
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  ~ListHook() { SPINDLE_DCHECK(!linked()) << "destroyed while in a list"; }

  bool linked() const noexcept { return next != nullptr; }

  // Leaves the list, whichever it is, in O(1). Does nothing when not linked.
  void Unlink() noexcept {
    if (!linked()) return;
    prev->next = next;
    next->prev = prev;
    prev = next = nullptr;
  }

  // Invariant: both null (not linked) or both set, with prev->next == next->prev == this.
  ListHook* prev = nullptr;
  ListHook* next = nullptr;
};

// A doubly linked list through a hook inside its elements: IntrusiveList<Conn, &Conn::hook>.
// One thread at a time. Does not own its elements: each must outlive its stay in the list. All
// operations are O(1) and allocate nothing; there is no size(). Must be empty when destroyed
// (DCHECK; elements left in a release build are unlinked).
//
// While iterating, the current element may be removed or destroyed. Removing the element after it
// invalidates the iterator; elements added at the end during a visit of the last are not seen.
template <class T, ListHook T::*Hook>
class IntrusiveList {
 public:
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = T*;
    using reference = T&;

    iterator() = default;
    T& operator*() const { return *ToElement(at_); }
    T* operator->() const { return ToElement(at_); }
    iterator& operator++() {
      at_ = next_;
      next_ = next_->next;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const iterator& other) const { return at_ == other.at_; }

   private:
    friend class IntrusiveList;
    explicit iterator(ListHook* at) : at_(at), next_(at->next) {}
    ListHook* at_ = nullptr;
    ListHook* next_ = nullptr;  // read ahead: *at_ may be gone by the time of ++
  };

  IntrusiveList() { head_.prev = head_.next = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    SPINDLE_DCHECK(empty()) << "list destroyed with elements in it";
    while (!empty()) head_.next->Unlink();
    head_.prev = head_.next = nullptr;
  }

  bool empty() const noexcept { return head_.next == &head_; }

  // The element must not be linked through this hook (DCHECK).
  void push_back(T& element) { InsertBefore(&head_, &(element.*Hook)); }
  void push_front(T& element) { InsertBefore(head_.next, &(element.*Hook)); }

  // The list must not be empty (DCHECK).
  T& front() {
    SPINDLE_DCHECK(!empty());
    return *ToElement(head_.next);
  }

  // Removes and returns the first element, null when there is none.
  T* pop_front() {
    if (empty()) return nullptr;
    ListHook* hook = head_.next;
    hook->Unlink();
    return ToElement(hook);
  }

  // Removes `element`, which must be in this list (DCHECK: in some list).
  void remove(T& element) {
    SPINDLE_DCHECK((element.*Hook).linked());
    (element.*Hook).Unlink();
  }

  // Moves all elements of `other`, in order, to the end of this list. `other` is another list.
  void splice_all(IntrusiveList& other) {
    SPINDLE_DCHECK(this != &other);
    if (other.empty()) return;
    ListHook* first = other.head_.next;
    ListHook* last = other.head_.prev;
    other.head_.prev = other.head_.next = &other.head_;
    first->prev = head_.prev;
    head_.prev->next = first;
    last->next = &head_;
    head_.prev = last;
  }

  iterator begin() { return iterator(head_.next); }
  iterator end() { return iterator(&head_); }

 private:
  static T* ToElement(ListHook* hook) {
    // In the Itanium C++ ABI a pointer to data member is the offset of the member.
    ListHook T::*member = Hook;
    std::ptrdiff_t offset = 0;
    static_assert(sizeof(member) == sizeof(offset));
    std::memcpy(&offset, &member, sizeof(offset));
    return reinterpret_cast<T*>(reinterpret_cast<char*>(hook) - offset);
  }

  static void InsertBefore(ListHook* position, ListHook* hook) {
    SPINDLE_DCHECK(!hook->linked()) << "already in a list";
    hook->prev = position->prev;
    hook->next = position;
    position->prev->next = hook;
    position->prev = hook;
  }

  ListHook head_;  // circular; linked to itself when empty
};

}  // namespace spindle

#endif  // SPINDLE_BASE_INTRUSIVE_LIST_H_
