using Pilotfish.Api.Yaml;
using Pilotfish.Api.Yaml.Parts;

namespace Pilotfish.ControlPlane.Injection.KubeInject;

/// <summary>Injects the items of a List, each as it comes, and writes it before the next is read.</summary>
internal sealed class ListInjector(Injector injector, Action<string> warn)
{
    public const string ItemsKey = "items";

    private const string VersionKey = "apiVersion";

    /// <summary>Lists in lists. Nobody writes them deeper than two.</summary>
    private const int ListDepthMax = 16;

    /// <param name="parts">Of a List, in the order of its text.</param>
    /// <exception cref="InjectionException">An item cannot be injected, or the text is wrong.</exception>
    public void Write(IEnumerable<DocumentPart> parts, TextWriter output) => WriteList(parts, output, 0, 0);

    public static IEnumerable<DocumentPart> PartsOf(YamlMapping list)
    {
        foreach (var entry in list.Entries)
        {
            if (entry.Key != ItemsKey || entry.Value is not YamlSequence items)
            {
                yield return new DocumentPart(entry.Key, false, entry.Value);
                continue;
            }

            foreach (var item in items.Items)
            {
                yield return new DocumentPart(ItemsKey, true, item);
            }
        }
    }

    public static IEnumerable<DocumentPart> PartsOf(DocumentParts document)
    {
        while (document.TryRead(out var part))
        {
            yield return part;
        }

        if (document.Error is { } error)
        {
            throw Broken(error);
        }
    }

    public static InjectionException Broken(SourceError error) =>
        new($"{error.Message} (line {error.Position.Line} of the document)");

    private void WriteList(IEnumerable<DocumentPart> parts, TextWriter output, int indent, int depth)
    {
        if (depth > ListDepthMax)
        {
            throw new InjectionException($"lists are nested more than {ListDepthMax} deep");
        }

        // Keys before, items one by one, keys after: the same order as any other object's.
        var pad = new string(' ', indent);
        var rest = new YamlMapping();
        int items = 0;
        output.Write($"{VersionKey}: v1\n{pad}");
        foreach (var part in parts)
        {
            if (part.IsItem)
            {
                output.Write(items == 0 ? $"{ItemsKey}:\n{pad}- " : $"{pad}- ");
                WriteItem(part.Value!, items++, output, indent, depth);
            }
            else if (part.Key == ItemsKey && !part.Value!.IsNull)
            {
                throw new InjectionException($"{ItemsKey}: expected a list, found {part.Value.KindName}");
            }
            else if (part.Key is not (VersionKey or ItemsKey))
            {
                rest[part.Key] = part.Value!;
            }
        }

        output.Write(items == 0 ? $"{ItemsKey}: []\n{pad}" : pad);
        output.Write(Indented(YamlEmitter.Emit(rest, sortKeys: true), pad));
    }

    private void WriteItem(YamlNode item, int index, TextWriter output, int indent, int depth)
    {
        try
        {
            if (item is YamlMapping nested && nested.Text("kind") == "List" && nested.Text(VersionKey) == "v1")
            {
                WriteList(PartsOf(nested), output, indent + 2, depth + 1);
                return;
            }

            var result = item is YamlMapping document && Injector.IsWorkload(document)
                ? injector.Inject(document, warn)
                : item;
            output.Write(Indented(YamlEmitter.Emit(result, sortKeys: true), new string(' ', indent + 2)));
        }
        catch (InjectionException e)
        {
            throw new InjectionException($"item {index}: {e.Message}", e);
        }
    }

    /// <summary>Text with every line but the first moved right; empty lines stay empty.</summary>
    private static string Indented(string text, string pad)
    {
        if (pad.Length == 0)
        {
            return text;
        }

        var lines = text.TrimEnd('\n').Split('\n');
        var tail = text.Length - text.TrimEnd('\n').Length;
        return string.Join('\n', lines.Select((line, i) => i == 0 || line.Length == 0 ? line : pad + line)) + new string('\n', tail);
    }
}
