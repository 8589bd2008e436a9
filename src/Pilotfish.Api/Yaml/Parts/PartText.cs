namespace Pilotfish.Api.Yaml.Parts;

/// <summary>A text that ends with an error where one part of it is longer than a whole text may be.</summary>
internal sealed class PartText(TextReader text, string fileName) : TextReader
{
    private int _read;

    /// <summary>The scanner reads a little ahead: a part's count may be off by its look-ahead, which the bound does not mind.</summary>
    public void BeginPart() => _read = 0;

    public override int Peek() => text.Peek();

    public override int Read()
    {
        Count(1);
        return text.Read();
    }

    public override int Read(char[] buffer, int index, int count)
    {
        int read = text.Read(buffer, index, count);
        Count(read);
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            text.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Count(int read)
    {
        _read += read;
        if (_read > YamlLimits.TextBytesMax)
        {
            throw new YamlSyntaxException(
                new SourcePosition(fileName, 1, 1), $"One value has more than {YamlLimits.TextBytesMax} characters. Split it.");
        }
    }
}
