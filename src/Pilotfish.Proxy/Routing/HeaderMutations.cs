using Envoy.Config.Core.V3;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Streams;
using HeaderMap = Pilotfish.Proxy.Http.HeaderMap;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// headers_to_remove and headers_to_add of one config level, in Envoy's steps (header_parser.cc): (1) removals; (2) the value of every
/// addition and whether its action applies, of the headers as they are then; (3) overwrites; (4) additions. So an addition sees nothing
/// of the ones beside it, and two of ADD_IF_ABSENT both add. Immutable.
/// </summary>
public sealed class HeaderMutations
{
    public static readonly HeaderMutations None = new([], []);

    /// <summary>Envoy's bound on the additions of one list.</summary>
    private const int AdditionsMax = 1000;

    // Marks of a few additions lie on the stack; of more, which nobody was seen to configure, in an array of this call.
    private const int StackMarks = 64;

    private readonly byte[][] _removals;
    private readonly HeaderAddition[] _additions;

    private HeaderMutations(byte[][] removals, HeaderAddition[] additions)
    {
        _removals = removals;
        _additions = additions;
    }

    public bool IsEmpty => _removals.Length == 0 && _additions.Length == 0;

    /// <summary>Throws <see cref="ConfigRejectedException"/> with the entry's path.</summary>
    public static HeaderMutations Compile(IList<HeaderValueOption> add, IList<string> remove, string addField, string removeField)
    {
        if (add.Count == 0 && remove.Count == 0)
        {
            return None;
        }

        if (add.Count > AdditionsMax)
        {
            throw new ConfigRejectedException(addField, $"{add.Count} headers are more than {AdditionsMax}");
        }

        var removals = new byte[remove.Count][];
        for (int i = 0; i < removals.Length; i++)
        {
            removals[i] = HeaderAddition.Name(remove[i], $"{removeField}[{i}]");
        }

        var additions = new HeaderAddition[add.Count];
        for (int i = 0; i < additions.Length; i++)
        {
            additions[i] = HeaderAddition.Compile(add[i], $"{addField}[{i}]");
        }

        return new HeaderMutations(removals, additions);
    }

    /// <summary>One addition alone.</summary>
    public static HeaderMutations Adding(HeaderValueOption option, string field) => new([], [HeaderAddition.Compile(option, field)]);

    /// <summary>One removal alone.</summary>
    public static HeaderMutations Removing(string name, string field) => new([HeaderAddition.Name(name, field)], []);

    /// <summary>Changes the headers; values come from the stream. <paramref name="scratch"/> is overwritten.</summary>
    public void Apply(HeaderMap headers, StreamInfo info, FormatOutput scratch)
    {
        foreach (byte[] name in _removals)
        {
            headers.Remove(name);
        }

        if (_additions.Length == 0)
        {
            return;
        }

        // Where each value ends in the scratch; those that do not apply end where they begin and are marked.
        Span<int> ends = _additions.Length <= StackMarks ? stackalloc int[_additions.Length] : new int[_additions.Length];
        scratch.Clear();
        for (int i = 0; i < ends.Length; i++)
        {
            ends[i] = _additions[i].Prepare(headers, info, scratch) ? scratch.Length : ~scratch.Length;
        }

        Put(headers, scratch.Written, ends, overwrites: true);
        Put(headers, scratch.Written, ends, overwrites: false);
    }

    private void Put(HeaderMap headers, ReadOnlySpan<byte> values, ReadOnlySpan<int> ends, bool overwrites)
    {
        int start = 0;
        for (int i = 0; i < ends.Length; i++)
        {
            bool applies = ends[i] >= 0;
            int end = applies ? ends[i] : ~ends[i];
            if (applies && _additions[i].Overwrites == overwrites)
            {
                _additions[i].Put(headers, values[start..end]);
            }

            start = end;
        }
    }
}
