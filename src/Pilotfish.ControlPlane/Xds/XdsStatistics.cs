using System.Collections.Concurrent;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>Counters of the xDS server. Any thread, atomically.</summary>
internal sealed class XdsStatistics
{
    private readonly ConcurrentDictionary<string, long> _pushes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _rejections = new(StringComparer.Ordinal);

    public IEnumerable<KeyValuePair<string, long>> Pushes => _pushes;

    public IEnumerable<KeyValuePair<string, long>> Rejections => _rejections;

    public void CountPush(string typeUrl) => _pushes.AddOrUpdate(typeUrl, 1, static (_, count) => count + 1);

    public void CountRejection(string typeUrl) => _rejections.AddOrUpdate(typeUrl, 1, static (_, count) => count + 1);
}
