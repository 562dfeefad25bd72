// SPDX-License-Identifier: MIT
/* What the probes that were tried amount to. */
#include "status/findings.h"

#include <stdio.h>

static bool works(const struct uw_trial *t)
{
	return t->attached && t->verdict == UW_VERDICT_SEES;
}

static bool is_whole(const struct uw_trial *t)
{
	int i;

	for (i = 0; i <= UW_FN_PATH_RENAME; i++)
		if (!t->plan.functions[i])
			return false;
	return works(t);
}

bool uw_findings_whole(const struct uw_facts *facts)
{
	size_t i;

	for (i = 0; i < facts->n_trials; i++)
		if (is_whole(&facts->trials[i]))
			return true;
	return false;
}

void uw_findings_judge_trial(const struct uw_trial *t, struct uw_finding *f)
{
	const char *name = uw_probe_name(t->plan.probe), *detail = uw_plan_detail(&t->plan);

	snprintf(f->id, sizeof(f->id), "probe-%s%s", name,
		 t->plan.raw		? "-raw"
		 : t->plan.kernel_reads ? ""
					: "-plain");
	if (!t->attached)
		uw_finding_say(f, UW_LEVEL_LACKING, NULL, "%s%s cannot be used: %s", name, detail,
			       t->plan.why_not ? t->plan.why_not : t->why);
	else if (works(t))
		uw_finding_say(f, UW_LEVEL_OK, NULL, "%s%s works; not covered: %s", name, detail,
			       t->plan.not_covered);
	else if (t->verdict == UW_VERDICT_UNKNOWN || t->verdict == UW_VERDICT_BUSY)
		uw_finding_say(f, UW_LEVEL_NOTE, NULL,
			       "%s%s can be attached; whether it sees is not known: %s", name,
			       detail, t->why);
	else
		uw_finding_say(f, UW_LEVEL_LACKING, NULL, "%s%s can be attached, but %s", name,
			       detail, t->why);
}

void uw_findings_judge_result(const struct uw_facts *facts, struct uw_finding *f)
{
	const struct uw_trial *t;
	size_t i;

	snprintf(f->id, sizeof(f->id), "result");
	for (i = 0; i < facts->n_trials; i++) {
		t = &facts->trials[i];
		if (!works(t))
			continue;
		if (is_whole(t))
			uw_finding_say(f, UW_LEVEL_OK, NULL,
				       "deletions can be seen in full, by %s%s",
				       uw_probe_name(t->plan.probe), uw_plan_detail(&t->plan));
		else
			uw_finding_say(f, UW_LEVEL_LACKING, "see what is lacking above",
				       "deletions can be seen in part, by %s%s; not covered: %s",
				       uw_probe_name(t->plan.probe), uw_plan_detail(&t->plan),
				       t->plan.not_covered);
		return;
	}
	uw_finding_say(f, UW_LEVEL_LACKING, "see what is lacking above", "no deletion can be seen");
}
