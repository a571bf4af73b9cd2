#include "base/page.h"

#include <string.h>

void page_copy_request(const struct page *page, char copy[PAGE_REQUEST_MAX])
{
	size_t n = strnlen(page->request, PAGE_REQUEST_MAX - 1);

	memcpy(copy, page->request, n);
	copy[n] = '\0';
}
