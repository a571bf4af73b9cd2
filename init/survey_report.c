#include "init/survey_report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Columns: a found value that is longer pushes the wanted one away. */
#define WHAT_WIDTH 17
#define FOUND_WIDTH 34

static const struct {
	const char *word;
	enum log_level level;
} verdicts[] = {
	[VERDICT_OK] = {"ok", LOG_INFO},
	[VERDICT_ADVICE] = {"advice", LOG_WARNING},
	[VERDICT_MISSING] = {"missing", LOG_ERROR},
};

static void print_line(const char *const columns[static 4])
{
	(void)printf("%-8s %-*s ", columns[0], WHAT_WIDTH, columns[1]);
	if (columns[3][0] == '\0')
		(void)printf("%s\n", columns[2]);
	else
		(void)printf("%-*s %s\n", FOUND_WIDTH, columns[2], columns[3]);
}

static void print_remedy(const char *where, const char *remedy)
{
	if (remedy[0] != '\0')
		(void)printf("%-8s   %-12s %s\n", "", where, remedy);
}

static void print_row(const struct survey_words *words, const struct finding *finding)
{
	print_line((const char *[]){verdicts[finding->verdict].word, words->what, finding->found,
		finding->wanted});
	if (finding->verdict == VERDICT_OK)
		return;
	print_remedy("docker", words->docker);
	print_remedy("kubernetes", words->kubernetes);
	print_remedy("otherwise", words->otherwise);
}

static void write_row(const struct survey_words *words, const struct finding *finding)
{
	struct log log = {.fd = STDOUT_FILENO, .level = LOG_DEBUG, .json = true};

	log_at(&log, verdicts[finding->verdict].level, "check", log_string("what", words->what),
		log_string("verdict", verdicts[finding->verdict].word),
		log_string("found", finding->found), log_string("wanted", finding->wanted),
		log_string("docker", words->docker), log_string("kubernetes", words->kubernetes),
		log_string("otherwise", words->otherwise));
}

bool survey_report(const struct survey_facts *facts, bool json)
{
	bool whole = true;

	if (!json)
		print_line((const char *[]){"VERDICT", "WHAT", "FOUND", "WANTED"});
	for (enum survey_row row = 0; row < SURVEY_ROWS; row++) {
		struct finding finding;

		survey_judge(facts, row, &finding);
		whole = whole && finding.verdict != VERDICT_MISSING;
		if (json)
			write_row(&survey_words[row], &finding);
		else
			print_row(&survey_words[row], &finding);
	}
	return fflush(stdout) == 0 && whole;
}
