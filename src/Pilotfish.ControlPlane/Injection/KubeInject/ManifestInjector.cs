using Pilotfish.Api.Yaml;
using Pilotfish.Api.Yaml.Parts;
using Pilotfish.ControlPlane.Injection.Merging;

namespace Pilotfish.ControlPlane.Injection.KubeInject;

/// <summary>Injects the documents of one stream one after the other; the items of a List, too, are written as they are done.</summary>
internal sealed class ManifestInjector(Injector injector, Action<string> warn)
{
    /// <summary>Characters of a document that is not read item by item. Its nodes take about ten times its size in memory.</summary>
    private const int DocumentMax = YamlLimits.TextBytesMax;

    private static readonly string[] s_outlineKeys = ["apiVersion", "kind"];

    private readonly ListInjector _lists = new(injector, warn);

    public void Run(TextReader input, string fileName, TextWriter output)
    {
        var index = 0;
        foreach (var document in new ManifestSplitter(input).Documents())
        {
            try
            {
                if (document.IsLong)
                {
                    WriteLongDocument(document, fileName, output);
                }
                else
                {
                    WriteDocument(document, fileName, output);
                }
            }
            catch (InjectionException e)
            {
                throw new InjectionException($"{fileName}: document {index}: {e.Message}", e);
            }

            output.Write("---\n");
            index++;
        }
    }

    private void WriteDocument(DocumentSpool document, string fileName, TextWriter output)
    {
        var parsed = YamlDocuments.Parse(document.ReadText(), fileName);
        if (!parsed.IsOk)
        {
            throw ListInjector.Broken(parsed.Errors[0]);
        }

        if (parsed.Documents is [YamlMapping list] && IsList(list))
        {
            _lists.Write(ListInjector.PartsOf(list), output);
            return;
        }

        if (parsed.Documents is [YamlMapping workload] && Injector.IsWorkload(workload)
            && injector.Inject(workload, warn) is var injected && !ReferenceEquals(injected, workload))
        {
            output.Write(YamlEmitter.Emit(injected, sortKeys: true));
            return;
        }

        WriteUntouched(document, output);
    }

    private static void WriteUntouched(DocumentSpool document, TextWriter output)
    {
        document.CopyTo(output);
        if (!document.EndsLine)
        {
            output.Write('\n');
        }
    }

    /// <summary>Two passes: what it is, then its parts.</summary>
    private void WriteLongDocument(DocumentSpool document, string fileName, TextWriter output)
    {
        var outline = ReadOutline(document, fileName, out var error);
        if (IsList(outline))
        {
            _lists.Write(ListInjector.PartsOf(new DocumentParts(document.OpenRead(), fileName, ListInjector.ItemsKey)), output);
        }
        else if (document.Length <= DocumentMax)
        {
            WriteDocument(document, fileName, output);
        }
        else if (error is not null)
        {
            throw ListInjector.Broken(error);
        }
        else if (Injector.IsWorkload(outline))
        {
            throw new InjectionException($"a document that is no List is longer than {DocumentMax} characters. Split the file.");
        }
        else
        {
            WriteUntouched(document, output);
        }
    }

    /// <summary>Kind and version, as far as the text goes before an error.</summary>
    private static YamlMapping ReadOutline(DocumentSpool document, string fileName, out SourceError? error)
    {
        var outline = new YamlMapping();
        var parts = new DocumentParts(document.OpenRead(), fileName, ListInjector.ItemsKey, PartReading.Outline);
        while (outline.Count < s_outlineKeys.Length && parts.TryRead(out var part))
        {
            if (part is { IsItem: false, Value: YamlScalar scalar } && s_outlineKeys.Contains(part.Key))
            {
                outline[part.Key] = scalar;
            }
        }

        error = parts.Error;
        return outline;
    }

    private static bool IsList(YamlMapping document) =>
        document.Text("kind") == "List" && document.Text("apiVersion") == "v1";
}
