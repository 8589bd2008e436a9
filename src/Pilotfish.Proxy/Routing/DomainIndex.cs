using System.Buffers;
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

    private readonly DomainTable _exact = new();
    private readonly DomainTable _suffix = new();
    private readonly DomainTable _prefix = new();
    private readonly SortedSet<int> _suffixLengths = new(Comparer<int>.Create(static (a, b) => b.CompareTo(a)));
    private readonly SortedSet<int> _prefixLengths = new(Comparer<int>.Create(static (a, b) => b.CompareTo(a)));
    private int[] _suffixOrder = [];
    private int[] _prefixOrder = [];
    private readonly List<VirtualHostModel> _hosts = [];
    private VirtualHostModel? _any;

    public void Add(string domain, VirtualHostModel host, string field)
    {
        byte[] lower = Encoding.UTF8.GetBytes(domain.ToLowerInvariant());
        bool added;
        if (lower is [(byte)'*'])
        {
            added = _any is null;
            _any ??= host;
        }
        else if (lower is [(byte)'*', ..])
        {
            added = Add(_suffix, lower.AsSpan(1), host);
            _suffixLengths.Add(lower.Length - 1);
        }
        else if (lower is [.., (byte)'*'])
        {
            added = Add(_prefix, lower.AsSpan(0, lower.Length - 1), host);
            _prefixLengths.Add(lower.Length - 1);
        }
        else
        {
            added = lower.Length > 0 && Add(_exact, lower, host);
        }

        if (!added)
        {
            throw new ConfigRejectedException(field, lower.Length == 0 ? "the domain is empty" : $"domain '{domain}' is there twice");
        }
    }

    /// <summary>Call once after the last <see cref="Add"/>.</summary>
    public void Complete()
    {
        _exact.Complete();
        _suffix.Complete();
        _prefix.Complete();
        _hosts.TrimExcess();
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
        if (Ascii.ToLower(host, lower, out int length) != OperationStatus.Done)
        {
            return _any;
        }

        ReadOnlySpan<byte> name = lower[..length];
        if (_exact.TryFind(name, out int found))
        {
            return _hosts[found];
        }

        // A wildcard never stands for nothing: the name must be longer than the rest.
        foreach (int suffix in _suffixOrder)
        {
            if (suffix < name.Length && _suffix.TryFind(name[^suffix..], out found))
            {
                return _hosts[found];
            }
        }

        foreach (int prefix in _prefixOrder)
        {
            if (prefix < name.Length && _prefix.TryFind(name[..prefix], out found))
            {
                return _hosts[found];
            }
        }

        return _any;
    }

    // The domains of a host come one after the other.
    private bool Add(DomainTable table, ReadOnlySpan<byte> name, VirtualHostModel host)
    {
        if (name.Length > HostBytesMax)
        {
            // No request can have it, but the control plane may send it.
            return true;
        }

        if (_hosts.Count == 0 || _hosts[^1] != host)
        {
            _hosts.Add(host);
        }

        return table.TryAdd(name, _hosts.Count - 1);
    }
}
