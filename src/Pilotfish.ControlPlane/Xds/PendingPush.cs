using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Push;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>
/// The push that a slow stream has yet to do. New ones merge into it, so that a stream never has more than one waiting.
/// Any thread may merge; the stream's loop takes.
/// </summary>
internal sealed class PendingPush
{
    private readonly Lock _lock = new();
    private HashSet<ConfigKey>? _changed;
    private PushContext? _context;

    /// <summary>True when nothing was waiting, so that the stream has to be told.</summary>
    public bool Merge(PushContext context, IReadOnlyCollection<ConfigKey> changed)
    {
        lock (_lock)
        {
            _context = context;
            if (_changed is not null)
            {
                _changed.UnionWith(changed);
                return false;
            }

            _changed = [.. changed];
            return true;
        }
    }

    public bool TryTake(out PushContext context, out HashSet<ConfigKey> changed)
    {
        lock (_lock)
        {
            if (_context is null || _changed is null)
            {
                context = null!;
                changed = [];
                return false;
            }

            (context, changed) = (_context, _changed);
            (_context, _changed) = (null, null);
            return true;
        }
    }
}
