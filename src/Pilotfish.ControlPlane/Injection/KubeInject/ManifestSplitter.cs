using System.Text;

namespace Pilotfish.ControlPlane.Injection.KubeInject;

/// <summary>Cuts a stream at its `---` lines without reading it as a whole, so that documents nobody touches keep their
/// text, comments and all.</summary>
internal sealed class ManifestSplitter(TextReader reader)
{
    /// <summary>Characters of one document. A List of 10,000 pods has about 6 million.</summary>
    private const int DocumentMax = 32 * 1024 * 1024;

    private const string Separator = "---";

    public IEnumerable<string> Documents()
    {
        var document = new StringBuilder();
        while (reader.ReadLine() is { } line)
        {
            if (IsSeparator(line))
            {
                if (document.Length > 0)
                {
                    yield return document.ToString();
                }

                document.Clear();
                continue;
            }

            document.Append(line).Append('\n');
            if (document.Length > DocumentMax)
            {
                throw new InjectionException($"a document is longer than {DocumentMax} characters. Split the file.");
            }
        }

        if (document.Length > 0)
        {
            yield return document.ToString();
        }
    }

    /// <summary>Three hyphens and at most spaces or a comment: content after them would belong to the document.</summary>
    private static bool IsSeparator(string line) =>
        line.StartsWith(Separator, StringComparison.Ordinal) && line[Separator.Length..].TrimStart() is ("" or ['#', ..]);
}
