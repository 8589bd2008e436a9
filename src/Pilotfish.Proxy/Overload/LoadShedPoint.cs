using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Workers;

namespace Pilotfish.Proxy.Overload;

/// <summary>A place where work is refused before it costs anything. Workers ask it; the main loop sets its level.</summary>
public sealed class LoadShedPoint
{
    private Counter _shed;

    public OverloadLevel Level { get; } = new();

    /// <summary>Whether this piece of work is refused; counted if so.</summary>
    public bool Sheds(Worker worker)
    {
        if (!Level.Strikes(worker.Random))
        {
            return false;
        }

        worker.Stats.Add(_shed);
        return true;
    }

    /// <summary>Before workers run.</summary>
    internal void Count(Counter shed) => _shed = shed;
}
