using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// Who counts the versions of a secret that SDS brings: each TLS context that uses it. Joined on any thread, counted on the main loop. Those
/// whose listener or cluster is gone are left out and forgotten.
/// </summary>
internal sealed class SecretUpdates
{
    private readonly Lock _gate = new();
    private readonly List<(StatScope Scope, Counter Counter)> _counting = [];
    private int _sweepAt = 16;

    public void Add(StatScope scope, Counter counter)
    {
        lock (_gate)
        {
            if (_counting.Count >= _sweepAt)
            {
                _counting.RemoveAll(static one => one.Scope.Users == 0);
                _sweepAt = Math.Max(16, 2 * _counting.Count);
            }

            _counting.Add((scope, counter));
        }
    }

    /// <summary>A version was taken.</summary>
    public void Count()
    {
        lock (_gate)
        {
            foreach ((StatScope scope, Counter counter) in _counting)
            {
                if (scope.Users > 0)
                {
                    scope.Store.Main.Add(counter);
                }
            }
        }
    }
}
