using System.Text;
using Envoy.Config.Core.V3;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;
using HeaderMap = Pilotfish.Proxy.Http.HeaderMap;

namespace Pilotfish.Proxy.Routing;

/// <summary>headers_to_remove and headers_to_add of one config level: removals first, then additions in order.</summary>
public sealed class HeaderMutations
{
    public static readonly HeaderMutations None = new([], []);

    private readonly byte[][] _removals;
    private readonly Addition[] _additions;

    private HeaderMutations(byte[][] removals, Addition[] additions)
    {
        _removals = removals;
        _additions = additions;
    }

    public bool IsEmpty => _removals.Length == 0 && _additions.Length == 0;

    public static HeaderMutations Compile(IList<HeaderValueOption> add, IList<string> remove, string addField, string removeField)
    {
        if (add.Count == 0 && remove.Count == 0)
        {
            return None;
        }

        var removals = new byte[remove.Count][];
        for (int i = 0; i < removals.Length; i++)
        {
            RejectProtected(remove[i], $"{removeField}[{i}]");
            removals[i] = Encoding.ASCII.GetBytes(remove[i].ToLowerInvariant());
        }

        var additions = new Addition[add.Count];
        for (int i = 0; i < additions.Length; i++)
        {
            additions[i] = CompileAddition(add[i], $"{addField}[{i}]");
        }

        return new HeaderMutations(removals, additions);
    }

    /// <summary>One addition alone.</summary>
    public static HeaderMutations Adding(HeaderValueOption option, string field) => new([], [CompileAddition(option, field)]);

    /// <summary>One removal alone.</summary>
    public static HeaderMutations Removing(string name, string field)
    {
        RejectProtected(name, field);
        return new HeaderMutations([Encoding.ASCII.GetBytes(name.ToLowerInvariant())], []);
    }

    public void Apply(HeaderMap headers, StreamInfo info, FormatOutput scratch)
    {
        foreach (byte[] name in _removals)
        {
            headers.Remove(name);
        }

        foreach (Addition addition in _additions)
        {
            scratch.Clear();
            ReadOnlySpan<byte> value = addition.Constant;
            if (addition.Program is not null)
            {
                addition.Program.Append(scratch, info);
                value = scratch.Written;
            }

            if (!value.IsEmpty || addition.KeepEmpty)
            {
                Add(headers, addition, value);
            }
        }
    }

    private static void Add(HeaderMap headers, Addition addition, ReadOnlySpan<byte> value)
    {
        bool exists = headers.FindSlot(addition.Name) >= 0;
        switch (addition.Action)
        {
            case HeaderValueOption.Types.HeaderAppendAction.AddIfAbsent when exists:
            case HeaderValueOption.Types.HeaderAppendAction.OverwriteIfExists when !exists:
                return;
            case HeaderValueOption.Types.HeaderAppendAction.OverwriteIfExists:
            case HeaderValueOption.Types.HeaderAppendAction.OverwriteIfExistsOrAdd:
                headers.Set(addition.Name, value);
                return;
            default:
                headers.Add(addition.Name, value);
                return;
        }
    }

    private static Addition CompileAddition(HeaderValueOption option, string field)
    {
        string name = option.Header?.Key ?? "";
        RejectProtected(name, $"{field}.header.key");
        string text = option.Header!.RawValue.IsEmpty ? option.Header.Value : option.Header.RawValue.ToStringUtf8();
        FormatProgram? program = text.Contains('%') ? FormatProgram.Compile(text, $"{field}.header.value", omitMissing: true) : null;

        // The old boolean wins where somebody still sends it: append false means overwrite.
        HeaderValueOption.Types.HeaderAppendAction action = option.Append == false
            ? HeaderValueOption.Types.HeaderAppendAction.OverwriteIfExistsOrAdd
            : option.AppendAction;
        return new Addition(
            Encoding.ASCII.GetBytes(name.ToLowerInvariant()), Encoding.UTF8.GetBytes(text), program, action, option.KeepEmptyValue);
    }

    // Changing what routing already decided upon would make log and traffic disagree; host rewrites have fields of their own.
    private static void RejectProtected(string name, string field)
    {
        if (name.Length == 0)
        {
            throw new ConfigRejectedException(field, "the header has no name");
        }

        if (name[0] == ':' || name.Equals("host", StringComparison.OrdinalIgnoreCase))
        {
            throw new ConfigRejectedException(field, $"header '{name}' may not be changed here; use a host or path rewrite");
        }
    }

    private sealed record Addition(
        byte[] Name, byte[] Constant, FormatProgram? Program, HeaderValueOption.Types.HeaderAppendAction Action, bool KeepEmpty);
}
