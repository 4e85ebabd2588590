#pragma once

#include <stop_token>

#include <jobs/recurrence.hpp>

#include "core.hpp"

/// Schedules of backups at work: their clocks are recurrences, whose thread calls here.
namespace tenon::engine::schedules {

/// A clock's time has come: starts its work, or says why not. Throws what may pass by itself.
void take_turn(EngineImpl& engine, const db::TenantScope& scope, const jobs::RecurrenceRow& clock);

/// Tells of schedules that are overdue, cancels work that takes longer than it may.
void look_after(EngineImpl& engine, const std::stop_token& stop);

/// Part of the transaction that ends a job: what became of a schedule's work, and when it is tried again.
void job_ended(EngineImpl& engine, db::Tx& tx, const jobs::JobRow& job);

}  // namespace tenon::engine::schedules
