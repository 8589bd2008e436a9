using Pilotfish.Capture.Rules;

namespace Pilotfish.Capture.Iptables;

/// <summary>
/// Sets, reconciles or removes rules. 1 compare, 2 clean up when asked, 3 apply table by table; a table that fails
/// takes the earlier ones back, so that a pod is never half captured.
/// </summary>
internal sealed class IptablesApplier(IReadOnlyList<RuleFamily> families, TextWriter log)
{
    public void Apply(bool reconcile, bool force)
    {
        bool residue = false;
        bool drift = false;
        foreach (RuleFamily family in families)
        {
            SavedState current = family.Tool.Save(out _);
            residue |= current.HasResidue;
            string? difference = RuleDrift.Find(current, family);
            drift |= difference is not null;
            if (current.HasResidue && difference is not null)
            {
                log.WriteLine($"info: {family.Label} rules of an earlier run differ: {difference}.");
            }
        }

        if (!drift && !force)
        {
            log.WriteLine("info: the rules are already in place; nothing to do.");
            return;
        }

        // Forced without a difference, the old rules go first too: restore refuses chains that are there already.
        if (residue && (drift ? reconcile : force))
        {
            Reconcile();
            return;
        }

        if (residue && drift)
        {
            log.WriteLine("warning: rules of an earlier run are in the way; '--reconcile' replaces them.");
        }

        ApplyTables();
    }

    public void CleanUp()
    {
        foreach (RuleFamily family in families)
        {
            RuleCleanup.Run(family);
        }
    }

    public void LogFinalState()
    {
        foreach (RuleFamily family in families)
        {
            family.Tool.Save(out string text);
            log.WriteLine($"info: {family.Label} rules now:\n{text.TrimEnd()}");
        }
    }

    private void Reconcile()
    {
        var guarded = new List<RuleFamily>();
        try
        {
            foreach (RuleFamily family in families)
            {
                guarded.Add(family);
                Guardrails.Raise(family);
            }

            CleanUp();
            ApplyTables();
        }
        finally
        {
            guarded.ForEach(Guardrails.Lower);
        }
    }

    private void ApplyTables()
    {
        var applied = new List<(RuleFamily Family, RuleTable Table)>();
        foreach (RuleFamily family in families)
        {
            foreach (RestoreText text in RestoreText.Build(family.Rules))
            {
                try
                {
                    family.Tool.Restore(text);
                }
                catch (CaptureException)
                {
                    TakeBack(applied);
                    throw;
                }

                applied.Add((family, text.Table));
            }
        }
    }

    private void TakeBack(List<(RuleFamily Family, RuleTable Table)> applied)
    {
        foreach ((RuleFamily family, RuleTable table) in Enumerable.Reverse(applied))
        {
            log.WriteLine($"info: removing the {family.Label} rules of table {IptablesFormat.TableName(table)} again.");
            RuleCleanup.Run(family with { Rules = [.. family.Rules.Where(rule => rule.Table == table)] }, table);
        }
    }
}
