using System.Text;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// Virtual hosts by domain: exact names first, then the longest suffix wildcard (<c>*.example.com</c>), then the longest prefix wildcard
/// (<c>example.*</c>), then <c>*</c>. Names compare without case. One hash lookup per distinct wildcard length, so the cost does not grow
/// with the number of hosts.
/// </summary>
public sealed class DomainIndex
{
    // A host name has at most 253 characters; longer authorities match nothing but '*'.
    private const int HostBytesMax = 512;

    private readonly Dictionary<ByteKey, VirtualHostModel> _exact = new(ByteKeyComparer.Instance);
    private readonly Dictionary<ByteKey, VirtualHostModel> _suffix = new(ByteKeyComparer.Instance);
    private readonly Dictionary<ByteKey, VirtualHostModel> _prefix = new(ByteKeyComparer.Instance);
    private readonly SortedSet<int> _suffixLengths = new(Comparer<int>.Create(static (a, b) => b.CompareTo(a)));
    private readonly SortedSet<int> _prefixLengths = new(Comparer<int>.Create(static (a, b) => b.CompareTo(a)));
    private int[] _suffixOrder = [];
    private int[] _prefixOrder = [];
    private VirtualHostModel? _any;

    public void Add(string domain, VirtualHostModel host, string field)
    {
        string lower = domain.ToLowerInvariant();
        bool added;
        if (lower == "*")
        {
            added = _any is null;
            _any ??= host;
        }
        else if (lower.StartsWith('*'))
        {
            added = _suffix.TryAdd(new ByteKey(lower[1..]), host);
            _suffixLengths.Add(Encoding.UTF8.GetByteCount(lower) - 1);
        }
        else if (lower.EndsWith('*'))
        {
            added = _prefix.TryAdd(new ByteKey(lower[..^1]), host);
            _prefixLengths.Add(Encoding.UTF8.GetByteCount(lower) - 1);
        }
        else
        {
            added = lower.Length > 0 && _exact.TryAdd(new ByteKey(lower), host);
        }

        if (!added)
        {
            throw new ConfigRejectedException(field, lower.Length == 0 ? "the domain is empty" : $"domain '{domain}' is there twice");
        }
    }

    /// <summary>Call once after the last <see cref="Add"/>.</summary>
    public void Complete()
    {
        _suffixOrder = [.. _suffixLengths];
        _prefixOrder = [.. _prefixLengths];
    }

    public VirtualHostModel? Find(ReadOnlySpan<byte> host)
    {
        if (host.Length is 0 or > HostBytesMax || (_exact.Count == 0 && _suffixOrder.Length == 0 && _prefixOrder.Length == 0))
        {
            return _any;
        }

        Span<byte> lower = stackalloc byte[HostBytesMax];
        Ascii.ToLower(host, lower, out int length);
        ReadOnlySpan<byte> name = lower[..length];
        if (_exact.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out VirtualHostModel? found))
        {
            return found;
        }

        // A wildcard never stands for nothing: the name must be longer than the rest.
        foreach (int suffix in _suffixOrder)
        {
            if (suffix < name.Length && _suffix.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name[^suffix..], out found))
            {
                return found;
            }
        }

        foreach (int prefix in _prefixOrder)
        {
            if (prefix < name.Length && _prefix.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name[..prefix], out found))
            {
                return found;
            }
        }

        return _any;
    }
}
