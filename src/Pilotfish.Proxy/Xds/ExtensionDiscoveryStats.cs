using System.IO.Hashing;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// `extension_config_discovery.KIND.NAME.`: what came for filters whose config comes by ECDS (envoy docs, overview/extension). Filters of
/// one kind and name count as one, however many chains have them. Main loop.
/// </summary>
internal sealed class ExtensionDiscoveryStats
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>The counters of one filter, given up by Dispose.</summary>
    /// <param name="stats">Where they are made.</param>
    /// <param name="kind">`http_filter`, `network_filter`, `upstream_network_filter` or `tcp_listener_filter`.</param>
    /// <param name="name">The filter's, which is the resource's.</param>
    public Entry Of(StatsStore stats, string kind, string name)
    {
        string prefix = $"extension_config_discovery.{kind}.{name}";
        if (!_entries.TryGetValue(prefix, out Entry? entry))
        {
            entry = new Entry(this, prefix, stats.Scope(prefix), stats.Main);
            _entries.Add(prefix, entry);
        }

        entry.Users++;
        return entry;
    }

    /// <summary>What tells one version from another.</summary>
    public static ulong HashOf(ReadOnlyMemory<byte> message) => XxHash64.HashToUInt64(message.Span);

    public sealed class Entry(ExtensionDiscoveryStats owner, string prefix, StatScope scope, StatCells cells) : IDisposable
    {
        private readonly Counter _reload = scope.Counter("config_reload");
        private readonly Counter _fail = scope.Counter("config_fail");
        private readonly Counter _conflict = scope.Counter("config_conflict");
        private ulong? _accepted;
        private ulong? _refused;

        internal int Users { get; set; }

        /// <summary>A version is in force; the same one again, or for another filter, is none.</summary>
        public void Accepted(ulong hash)
        {
            if (_accepted != hash)
            {
                _accepted = hash;
                cells.Add(_reload);
            }
        }

        /// <summary>A version was refused by the first filter that read it, or by a later one that another had accepted it for.</summary>
        public void Refused(ulong hash)
        {
            if (_accepted == hash)
            {
                cells.Add(_conflict);
            }
            else if (_refused != hash)
            {
                _refused = hash;
                cells.Add(_fail);
            }
        }

        /// <summary>Nothing came in time.</summary>
        public void TimedOut() => cells.Add(_fail);

        /// <summary>The next version counts whatever it is.</summary>
        public void Removed() => _accepted = null;

        public void Dispose()
        {
            if (--Users == 0)
            {
                owner._entries.Remove(prefix);
                scope.Dispose();
            }
        }
    }
}
