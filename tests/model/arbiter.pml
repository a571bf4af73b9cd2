/*
 * The arbiter and the world around it: see docs/MODEL.md.
 *
 * The tables are the program's own (init/steps.def, init/moves.def), and so is every decision
 * (decide.c asks init/wish.c and init/converge.c). Written here is what happens: signals in any
 * order, workers that come up, hang, hang up, die or never come up, forks that are refused,
 * deadlines, the reaping. What is true of a correct arbiter is asserted, or is the formula at the
 * end.
 *
 * Each thing that happens is one step, and so is each turn of converge(): between two turns anything
 * may have happened, in any order. Nothing happens without changing something, and what nobody
 * needs (signals, faults) happens CHANCES times at the most. So every execution comes to rest, or
 * turns in a circle; the formula looks at both.
 */
#ifndef CHANCES
#define CHANCES 3
#endif

#define SLOTS 4 /* twice the most workers: those who leave and their successors */
#define MOST 2
#define NOBODY 255

/* A slot's process, as the kernel knows it. */
#define NONE 0
#define ALIVE 1 /* does what it is told, sooner or later */
#define STUCK 2 /* does nothing by itself any more; only SIGKILL helps */

/* Whose a worker is; see enum role in decide.h. */
#define OLD 1
#define CREW 2
#define FAILED 3
#define CANDIDATE 4

/* See enum blame in decide.h. */
#define EXCUSED 1
#define BLAMED 2
#define OFFENDED 3

/* See decide.h. */
#define BACKOFF_FAILED 1
#define BACKOFF_EARLY 2

/* Seeded on demand; the test insists that each is found. */
#define BUG_SPAWNS_IN_A_LEAVING_SLOT 1
#define BUG_RETIRES_BEFORE_THE_CANDIDATE_IS_READY 2
#define BUG_FORGETS_THE_DEADLINE_OF_A_DRAIN 3
#define BUG_LOSES_A_WISH_IN_A_RELOAD 4

c_decl {
\#include <stdlib.h>
\#include "tests/model/decide.h"
}

/* What the arbiter knows: its roster and its wish. */
byte state[SLOTS];
byte role[SLOTS];
byte blame[SLOTS];
byte backoff[SLOTS];
byte phase;
byte workers;
byte candidate; /* its number of workers; 0: there is none */
byte min_ready, surge;
byte held; /* the candidate is of another image, and may not take over yet */
byte changed; /* something has happened since the last turn of converge() */

/* What is so, whether or not the arbiter knows. */
byte process[SLOTS];
byte company; /* 1: another process of the container ignores SIGTERM */
byte chances;
byte harmed; /* there was a fault */
byte asked;  /* to stop */
byte wished; /* workers, by whoever sends TTIN and TTOU */

/* The program's tables, made below, and the bug: constant, so no part of a state. */
hidden byte step_next[STATES * EVENTS]; /* 0: impossible; else 1 + what it becomes */
hidden byte step_blame[STATES * EVENTS];
hidden byte move_next[PHASES * TURNS];
hidden byte state_ends[STATES], phase_ends[PHASES]; /* by a time limit */
hidden byte bug;

/* Used within one step only. */
hidden byte forks; /* so many succeed */
hidden byte late;  /* the slot whose time is up */
hidden byte orders, differences, i, more, before;
hidden byte ready, ordered, order_slot, order_event, order_role; /* answers of decide.c */

/* The tables */

#define LIMIT_none 0
#define LIMIT_boot_timeout 1
#define LIMIT_graceful_timeout 1
#define LIMIT_hurry 1
/* Longer than all limits of workers together: nobody gets there whom the kernel can end. */
#define LIMIT_drain 0
#define LIMIT_quick 0
#define LIMIT_drain_delay 1
#define LIMIT_sweep 1

#define BLAME_NONE 0
#define BLAME_RETIRED EXCUSED
#define BLAME_GRACEFUL_TIMEOUT EXCUSED
#define BLAME_TIMEOUT BLAMED
#define BLAME_BOOT_FAILED BLAMED
#define BLAME_BOOT_TIMEOUT BLAMED
#define BLAME_MISBEHAVED OFFENDED
#define BLAME_SANDBOX OFFENDED

#define STATE(name, limit, meaning) state_ends[STATE_##name] = LIMIT_##limit;
#define PHASE(name, limit, meaning) phase_ends[PHASE_##name] = LIMIT_##limit;
#define STEP(in, on, becomes, cause) \
	step_next[STATE_##in * EVENTS + EVENT_##on] = 1 + STATE_##becomes; \
	step_blame[STATE_##in * EVENTS + EVENT_##on] = BLAME_##cause;
#define MOVE(in, on, becomes) move_next[PHASE_##in * TURNS + TURN_##on] = 1 + PHASE_##becomes;

inline read_tables()
{
#include "init/states.def"
#include "init/phases.def"
#include "init/steps.def"
#include "init/moves.def"
}

/* What the compiler made of them is the same. */
inline compare_tables()
{
	c_code {
		for (unsigned s = 0; s < STATES; s++)
			for (unsigned e = 0; e < EVENTS; e++)
				differences += step_next[s * EVENTS + e] != decide_step(s, e);
		for (unsigned p = 0; p < PHASES; p++)
			for (unsigned t = 0; t < TURNS; t++)
				differences += move_next[p * TURNS + t] != decide_move(p, t);
	};
	assert(differences == 0)
}

inline seed_bug()
{
	c_code { bug = getenv("BUG") != NULL ? atoi(getenv("BUG")) : 0; };
	state_ends[STATE_DRAINING] = state_ends[STATE_DRAINING] &&
		bug != BUG_FORGETS_THE_DEADLINE_OF_A_DRAIN
}

#define CAN(slot, event) (step_next[state[slot] * EVENTS + event] != 0)
#define CAN_MOVE(turn) (move_next[phase * TURNS + turn] != 0)
#define WISHES_FOR_WORKERS (phase == PHASE_SERVE || phase == PHASE_LINGER)

#define SUM(of) (of(0) + of(1) + of(2) + of(3))
#define IS_VACANT(slot) (state[slot] == STATE_VACANT)
#define IS_SERVING(slot) (state[slot] == STATE_SERVING || state[slot] == STATE_SPENT)
#define IS_IN_ORDER(slot) \
	(state[slot] == STATE_SERVING && role[slot] == CREW && process[slot] == ALIVE)
#define IS_CONSISTENT(slot) (IS_VACANT(slot) == (process[slot] == NONE))
#define IS_TOLD(slot) (state[slot] == STATE_SILENT || state[slot] == STATE_DRAINING || \
	state[slot] == STATE_HURRIED || state[slot] == STATE_ABORTED)
#define IS_DYING(slot) \
	(state[slot] == STATE_DOOMED || (IS_TOLD(slot) && process[slot] == ALIVE))
#define CAN_DIE(slot) (process[slot] != NONE && (IS_DYING(slot) || chances > 0))

/* No orphan state, no lost wish, and nobody survives the phases of workers. */
inline look()
{
	assert(SUM(IS_CONSISTENT) == SLOTS);
	assert(workers == wished && (candidate == 0 || candidate == wished));
	assert(phase < PHASE_SWEEP || SUM(IS_VACANT) == SLOTS)
}

/* What the arbiter does */

inline step(slot, event)
{
	assert(CAN(slot, event));
	blame[slot] = (step_blame[state[slot] * EVENTS + event] != 0 &&
		(state[slot] != STATE_SILENT || blame[slot] == 0) ->
		step_blame[state[slot] * EVENTS + event] : blame[slot]);
	state[slot] = step_next[state[slot] * EVENTS + event] - 1;
	changed = 1;
	printf("slot %d EVENT_%d: STATE_%d\n", slot, event, state[slot])
}

inline turn(how)
{
	if
	:: CAN_MOVE(how) ->
		phase = move_next[phase * TURNS + how] - 1;
		changed = 1;
		printf("TURN_%d: PHASE_%d\n", how, phase)
	:: else
	fi
}

inline replace_role(from, to)
{
	i = 0;
	do
	:: i < SLOTS ->
		role[i] = (role[i] == from -> to : role[i]);
		i++
	:: else -> break
	od
}

inline promote()
{
	replace_role(CREW, OLD);
	replace_role(FAILED, OLD);
	replace_role(CANDIDATE, CREW);
	workers = candidate;
	candidate = 0;
	held = 0;
	printf("the candidate is promoted\n")
}

inline discard()
{
	replace_role(CANDIDATE, FAILED);
	candidate = 0;
	held = 0;
	changed = 1;
	printf("the candidate is discarded\n")
}

/* HUP, with what the config says now. */
inline reload(least_ready, at_once)
{
	chances--;
	if
	:: candidate != 0 -> discard()
	:: else
	fi;
	candidate = workers;
	min_ready = least_ready;
	surge = at_once;
	changed = 1;
	printf("HUP: min_ready %d reload_surge %d\n", min_ready, surge);
	if
	:: phase == PHASE_REST -> promote()
	:: else
	fi;
	turn(TURN_WAKE)
}

inline settle_reload()
{
	if
	:: candidate != 0 && phase >= PHASE_LINGER -> discard()
	:: candidate != 0 && phase < PHASE_LINGER && ready && !held -> promote()
	:: else
	fi
}

inline count_workers(by_one_more)
{
	chances--;
	more = by_one_more;
	before = candidate;
	changed = 1;
	printf("one worker more (1) or less (0): %d\n", more);
	c_code { decide_count(more, &now.workers, &now.candidate); };
	candidate = (bug == BUG_LOSES_A_WISH_IN_A_RELOAD -> before : candidate)
}

inline ask()
{
	c_code {
		struct picture picture = {now.state, now.role, now.blame, now.backoff, now.phase,
			now.workers, now.candidate, now.min_ready, now.surge, late};
		struct decision order = {0};

		ready = decide_is_ready(&picture);
		ordered = decide_next(&picture, &order);
		order_slot = order.slot;
		order_event = order.event;
		order_role = order.role;
	}
}

inline misplace_spawn()
{
	i = 0;
	do
	:: i < SLOTS && bug == BUG_SPAWNS_IN_A_LEAVING_SLOT ->
		order_slot = (state[i] == STATE_DRAINING -> i : order_slot);
		i++
	:: else -> break
	od
}

inline retire_too_early()
{
	i = 0;
	do
	:: i < SLOTS && bug == BUG_RETIRES_BEFORE_THE_CANDIDATE_IS_READY && candidate != 0 ->
		if
		:: role[i] == CREW && state[i] == STATE_SERVING -> carry_out(i, EVENT_RETIRED, CREW)
		:: else
		fi;
		i++
	:: else -> break
	od
}

inline spawn(slot, whose)
{
	assert(process[slot] == NONE); /* never two processes in one slot */
	backoff[slot] = (role[slot] == whose -> backoff[slot] : 0);
	role[slot] = whose;
	if
	:: forks == 0 ->
		step(slot, EVENT_REFUSED);
		backoff[slot] = backoff[slot] | BACKOFF_EARLY
	:: else ->
		step(slot, EVENT_SPAWNED);
		process[slot] = ALIVE;
		forks--
	fi
}

/*
 * Who serves is not told to go before there are enough without it: as many as wished for while
 * there was no fault, and one in any case. Only a candidate that is discarded just goes.
 */
inline carry_out(slot, event, whose)
{
	if
	:: event == EVENT_SPAWNED -> spawn(slot, whose)
	:: else -> step(slot, event)
	fi;
	late = (event == EVENT_OVERDUE -> NOBODY : late);
	if
	:: event == EVENT_RETIRED && state[slot] == STATE_DRAINING && whose != FAILED &&
		WISHES_FOR_WORKERS -> assert(SUM(IS_SERVING) >= (harmed -> 1 : workers))
	:: else
	fi
}

inline converge(so_many_forks, whose_time_is_up)
{
	d_step {
		forks = so_many_forks;
		late = whose_time_is_up;
		orders = 0;
		ask();
		settle_reload();
		ask();
		do
		:: ordered ->
			orders++;
			assert(orders <= 4 * SLOTS);
			if
			:: order_event == EVENT_SPAWNED -> misplace_spawn()
			:: else
			fi;
			carry_out(order_slot, order_event, order_role);
			ask()
		:: else -> break
		od;
		retire_too_early();
		if
		:: SUM(IS_VACANT) == SLOTS -> turn(TURN_EMPTY)
		:: else
		fi;
		ask();
		assert(!ordered && (!ready || held)); /* idempotent: a second time there is nothing to do */
		forks = 0;
		late = NOBODY;
		changed = 0;
		look()
	}
}

/* What happens to the worker of a slot */

inline fault()
{
	chances--;
	harmed = 1
}

/* A failure that nobody remembers leaves no trace of whose it was. */
inline die(slot, failure)
{
	if
	:: IS_DYING(slot)
	:: else -> fault()
	fi;
	step(slot, EVENT_EXITED);
	process[slot] = NONE;
	blame[slot] = 0;
	backoff[slot] = failure;
	role[slot] = (failure == 0 -> 0 : role[slot]);
	look()
}

inline misdo(slot, event)
{
	fault();
	step(slot, event)
}

#define WORKER(s) \
	/* it comes up; it does what it was told, and its channel may be seen to close first */ \
	:: process[s] == ALIVE && state[s] == STATE_BOOTING -> d_step { step(s, EVENT_READY) } \
	:: process[s] == ALIVE && IS_TOLD(s) && CAN(s, EVENT_HUNG_UP) -> \
		d_step { step(s, EVENT_HUNG_UP) } \
	/* its end: no failure, or one that had proved itself, or a failure, or the candidate's */ \
	:: CAN_DIE(s) && blame[s] == EXCUSED -> d_step { die(s, backoff[s]) } \
	:: CAN_DIE(s) && blame[s] != EXCUSED -> d_step { die(s, 0) } \
	:: CAN_DIE(s) && blame[s] != EXCUSED -> \
		d_step { die(s, BACKOFF_FAILED | BACKOFF_EARLY) } \
	:: CAN_DIE(s) && blame[s] != EXCUSED && role[s] == CANDIDATE -> \
		d_step { discard(); die(s, BACKOFF_FAILED) } \
	/* time; who is not stuck has a heartbeat and is in time, but a drain may be long */ \
	:: (backoff[s] & BACKOFF_EARLY) != 0 -> \
		d_step { backoff[s] = backoff[s] & BACKOFF_FAILED; changed = 1 } \
	:: process[s] == STUCK && IS_SERVING(s) -> d_step { step(s, EVENT_HUNG) } \
	:: state_ends[state[s]] && (process[s] == STUCK || state[s] == STATE_DRAINING) -> \
		converge(NOBODY, s) \
	/* faults; and max_requests, of which there are as few */ \
	:: chances > 0 && process[s] == ALIVE -> \
		d_step { fault(); process[s] = STUCK; printf("slot %d hangs\n", s) } \
	:: chances > 0 && process[s] == ALIVE && CAN(s, EVENT_HUNG_UP) && !IS_TOLD(s) -> \
		d_step { misdo(s, EVENT_HUNG_UP) } \
	:: chances > 0 && process[s] == ALIVE && CAN(s, EVENT_MISBEHAVED) -> \
		d_step { misdo(s, EVENT_MISBEHAVED) } \
	:: chances > 0 && process[s] == ALIVE && CAN(s, EVENT_BREACHED) -> \
		d_step { misdo(s, EVENT_BREACHED) } \
	:: chances > 0 && process[s] == ALIVE && CAN(s, EVENT_SPENT) -> \
		d_step { chances--; step(s, EVENT_SPENT) }

active proctype narwhal()
{
	d_step {
		read_tables();
		compare_tables();
		seed_bug();
		chances = CHANCES;
		phase = PHASE_SERVE;
		wished = MOST;
		workers = MOST;
		min_ready = 1;
		surge = 1;
		changed = 1;
		late = NOBODY
	};
	do
	:: changed -> converge(NOBODY, NOBODY)
	/* no fork succeeds, or one does */
	:: changed && chances > 0 -> d_step { fault() }; converge(0, NOBODY)
	:: changed && chances > 0 -> d_step { fault() }; converge(1, NOBODY)
	WORKER(0)
	WORKER(1)
	WORKER(2)
	WORKER(3)
	/* the phase's time is up; or all others in the container have left */
	:: phase_ends[phase] -> d_step { turn(TURN_OVERDUE) }
	:: phase == PHASE_SWEEP && company == 0 -> company = 1
	:: company == 0 && CAN_MOVE(TURN_ALONE) -> d_step { turn(TURN_ALONE) }
	/* TERM; INT and QUIT; WINCH */
	:: chances > 0 && CAN_MOVE(TURN_STOP) -> d_step { chances--; asked = 1; turn(TURN_STOP) }
	:: chances > 0 && CAN_MOVE(TURN_QUICK) -> d_step { chances--; asked = 1; turn(TURN_QUICK) }
	:: chances > 0 && CAN_MOVE(TURN_REST) && !held -> d_step { chances--; turn(TURN_REST) }
	:: chances > 0 && phase <= PHASE_REST && !held -> d_step { reload(1, MOST) }
	:: chances > 0 && phase <= PHASE_REST && !held -> d_step { reload(MOST, 1) }
	/* USR2, the new image being there; as the first thing alone, or there would be twice as
	 * many states. HUP meanwhile; then it comes to nothing, or is committed */
	:: chances == CHANCES && phase == PHASE_SERVE && candidate == 0 ->
		d_step { reload(1, MOST); held = 1 }
	:: chances > 0 && held -> d_step { reload(1, MOST); held = 1 }
	:: held -> d_step { discard() }
	:: held -> d_step { held = 0; changed = 1; printf("the upgrade is committed\n") }
	/* TTIN, TTOU */
	:: chances > 0 -> d_step {
			wished = (wished < MOST -> wished + 1 : wished);
			count_workers(1);
			turn(TURN_WAKE);
			look()
		}
	:: chances > 0 -> d_step {
			wished = (wished > 1 -> wished - 1 : wished);
			count_workers(0);
			look()
		}
	od
}

#define is_gone (phase == PHASE_GONE)
#define is_whole (phase == PHASE_SERVE && candidate == 0 && \
	SUM(IS_IN_ORDER) == workers && SUM(IS_VACANT) == SLOTS - workers)
#define is_resting (phase == PHASE_REST && SUM(IS_VACANT) == SLOTS)

/*
 * Asked to stop, it ends. Otherwise the wished number comes to serve, whatever happened; or all
 * rest that were told to. Where nothing more happens the last state lasts: that is tested, too.
 */
ltl settles { [] <> ((asked && is_gone) || (!asked && (is_whole || is_resting))) }
