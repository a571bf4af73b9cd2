#include "service/apps/wsgi/context.h"

void context_take(const struct python *python, struct object **context, struct object **spare)
{
	*context = *spare != NULL ? *spare : python->PyContext_CopyCurrent();
	*spare = NULL;
}

void context_spare(struct object **context, struct object **spare)
{
	*spare = *context;
	*context = NULL;
}
