using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection.KubeInject;

/// <summary>Injects the documents of one stream one after the other; the items of a List, too, are written as they are done.</summary>
internal sealed class ManifestInjector(Injector injector, Action<string> warn)
{
    /// <summary>Lists in lists. Nobody writes them deeper than two.</summary>
    private const int ListDepthMax = 16;

    public void Run(TextReader input, string fileName, TextWriter output)
    {
        var index = 0;
        foreach (var text in new ManifestSplitter(input).Documents())
        {
            try
            {
                WriteDocument(text, fileName, output);
            }
            catch (InjectionException e)
            {
                throw new InjectionException($"{fileName}: document {index}: {e.Message}", e);
            }

            output.Write("---\n");
            index++;
        }
    }

    private void WriteDocument(string text, string fileName, TextWriter output)
    {
        var parsed = YamlDocuments.Parse(text, fileName);
        if (!parsed.IsOk)
        {
            throw new InjectionException(parsed.Errors[0].Message + $" (line {parsed.Errors[0].Position.Line} of the document)");
        }

        if (parsed.Documents is not [YamlMapping document] || !IsTouched(document))
        {
            output.Write(text);
        }
        else if (document.Text("kind") == "List")
        {
            WriteList(document, output, 0, 0);
        }
        else
        {
            var injected = injector.Inject(document, warn);
            output.Write(ReferenceEquals(injected, document) ? text : YamlEmitter.Emit(injected, sortKeys: true));
        }
    }

    private static bool IsTouched(YamlMapping document) => Injector.IsWorkload(document) || IsList(document);

    private static bool IsList(YamlMapping document) =>
        document.Text("kind") == "List" && document.Text("apiVersion") == "v1";

    private void WriteList(YamlMapping list, TextWriter output, int indent, int depth)
    {
        if (depth > ListDepthMax)
        {
            throw new InjectionException($"lists are nested more than {ListDepthMax} deep");
        }

        // Keys before, items one by one, keys after: the same order as any other object's.
        var items = list.Sequence("items")?.Items ?? [];
        var rest = (YamlMapping)list.Clone();
        rest.Remove("items");
        var pad = new string(' ', indent);
        output.Write("apiVersion: v1\n");
        output.Write(pad);
        output.Write(items.Count == 0 ? "items: []\n" : "items:\n");
        for (var i = 0; i < items.Count; i++)
        {
            WriteItem(items[i], i, output, indent, depth);
        }

        rest.Remove("apiVersion");
        output.Write(pad);
        output.Write(Indented(YamlEmitter.Emit(rest, sortKeys: true), pad));
    }

    private void WriteItem(YamlNode item, int index, TextWriter output, int indent, int depth)
    {
        var inner = new string(' ', indent + 2);
        output.Write(inner[..^2]);
        output.Write("- ");
        if (item is YamlMapping nested && IsList(nested))
        {
            WriteList(nested, output, indent + 2, depth + 1);
            return;
        }

        try
        {
            var result = item is YamlMapping document && Injector.IsWorkload(document)
                ? injector.Inject(document, warn)
                : item;
            output.Write(Indented(YamlEmitter.Emit(result, sortKeys: true), inner));
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
