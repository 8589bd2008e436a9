using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.Config;

/// <summary>
/// Remarks about config that is accepted nevertheless, such as an extension that is known but not active yet. Each sentence
/// is kept and logged once. Main loop.
/// </summary>
public sealed class ConfigProblems
{
    // A control plane that sends the same remark in ever new words must not grow the process.
    private const int RemarksMax = 1000;

    private readonly HashSet<string> _seen = [];
    private readonly List<string> _remarks = [];

    public IReadOnlyList<string> Remarks => _remarks;

    /// <summary>How often something was remarked, also what was known: tells whether a step remarked anything.</summary>
    public int Calls { get; private set; }

    /// <summary>True when the remark is new.</summary>
    public bool Add(string remark)
    {
        if (!Keep(remark))
        {
            return false;
        }

        Log.Info(LogComponent.Config, remark);
        return true;
    }

    /// <summary>Like <see cref="Add"/>, for what an operator has set and does not get.</summary>
    public void Warn(string remark)
    {
        if (Keep(remark))
        {
            Log.Warning(LogComponent.Config, remark);
        }
    }

    private bool Keep(string remark)
    {
        Calls++;
        if (_remarks.Count >= RemarksMax || !_seen.Add(remark))
        {
            return false;
        }

        _remarks.Add(remark);
        return true;
    }
}
