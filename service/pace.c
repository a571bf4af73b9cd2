#include "service/pace.h"

bool pace_holds(const struct pace *pace, const struct pace_rule *rule, uint64_t now_ms)
{
	uint64_t elapsed_ms = now_ms - pace->since_ms;
	uint64_t earned_ms;

	if (rule->rate == 0 || elapsed_ms <= rule->timeout_ms)
		return true;
	earned_ms = pace->bytes / rule->rate * 1000 + pace->bytes % rule->rate * 1000 / rule->rate;
	return elapsed_ms - rule->timeout_ms <= earned_ms;
}
