/* nothing.c - a shared object that is no app: it lacks the symbol. */
int nothing(void);

int nothing(void)
{
	return 0;
}
