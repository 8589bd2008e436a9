namespace Pilotfish.Api.Yaml.Parts;

/// <summary>
/// One document whose root is a mapping, read part by part: each key's value, and each item of one named list for itself, so
/// that a list of any length needs the memory of its largest item. YAML, or JSON where the text begins as such.
/// <see cref="YamlLimits"/> hold for each part instead of for the text. For one thread.
/// </summary>
public sealed class DocumentParts
{
    private readonly PartSource _source;
    private readonly string _fileName;

    /// <param name="utf8">The document's text from its current position on; it must be seekable, and is not closed.</param>
    /// <param name="fileName">What errors call the text.</param>
    /// <param name="listKey">The key of the root whose list is read item by item.</param>
    public DocumentParts(Stream utf8, string fileName, string listKey, PartReading reading = PartReading.Whole)
    {
        _fileName = fileName;
        SkipByteOrderMark(utf8);
        _source = BeginsAsJson(utf8)
            ? new JsonPartSource(utf8, fileName, listKey, reading)
            : new YamlPartSource(utf8, fileName, listKey, reading);
    }

    /// <summary>Why reading ended early; null while all is well.</summary>
    public SourceError? Error { get; private set; }

    /// <summary>False at the end of the document, and after an error.</summary>
    public bool TryRead(out DocumentPart part)
    {
        part = default;
        if (Error is not null)
        {
            return false;
        }

        try
        {
            return _source.TryRead(out part);
        }
        catch (Exception e) when (YamlFaults.TryDescribe(e, _fileName, _source.Understood, out SourceError? error))
        {
            Error = error;
            return false;
        }
    }

    /// <summary>A brace, then a quote or a brace: flow mappings of YAML begin with a bare key.</summary>
    private static bool BeginsAsJson(Stream utf8)
    {
        long start = utf8.Position;
        int first = NextVisible(utf8);
        bool isJson = first == '{' && NextVisible(utf8) is '"' or '}';
        utf8.Position = start;
        return isJson;
    }

    private static void SkipByteOrderMark(Stream utf8)
    {
        long start = utf8.Position;
        if (utf8.ReadByte() != 0xEF || utf8.ReadByte() != 0xBB || utf8.ReadByte() != 0xBF)
        {
            utf8.Position = start;
        }
    }

    private static int NextVisible(Stream utf8)
    {
        int next;
        do
        {
            next = utf8.ReadByte();
        }
        while (next is ' ' or '\t' or '\r' or '\n');
        return next;
    }
}
