namespace Pilotfish.ControlPlane.Injection.KubeInject;

/// <summary>Cuts a stream at its `---` lines without reading it as a whole, character for character, so that documents nobody touches
/// keep their text, comments and all.</summary>
internal sealed class ManifestSplitter(TextReader reader)
{
    private const int Hyphens = 3;

    private readonly char[] _buffer = new char[16 * 1024];
    private readonly char[] _held = new char[HeldMax];
    private int _at;
    private int _filled;

    /// <summary>Characters of a line of which it is not known yet whether it separates. A line with more blanks behind its hyphens does not.</summary>
    private const int HeldMax = 1024;

    /// <summary>Documents with at least one character. Each is valid until the next is asked for.</summary>
    public IEnumerable<DocumentSpool> Documents()
    {
        while (TryFill())
        {
            using var document = new DocumentSpool();
            while (TryFill() && !TrySkipSeparator(document))
            {
                CopyLine(document);
            }

            if (document.Length > 0)
            {
                yield return document;
            }
        }
    }

    /// <summary>At the beginning of a line: passes over it where it separates; else copies what it had to look at.</summary>
    /// <remarks>Three hyphens and at most blanks or a comment: content after them would belong to the document.</remarks>
    private bool TrySkipSeparator(DocumentSpool document)
    {
        int held = 0;
        while (held < HeldMax && TryFill())
        {
            char next = _buffer[_at];
            bool fits = held < Hyphens ? next == '-' : next is ' ' or '\t' or '\r';
            if (!fits)
            {
                break;
            }

            _held[held++] = next;
            _at++;
        }

        if (held >= Hyphens && held < HeldMax && (!TryFill() || _buffer[_at] is '\n' or '#'))
        {
            CopyLine(null);
            return true;
        }

        document.Append(_held.AsSpan(0, held));
        return false;
    }

    /// <summary>The rest of a line with its end; nowhere to without a document.</summary>
    private void CopyLine(DocumentSpool? document)
    {
        while (TryFill())
        {
            var rest = _buffer.AsSpan(_at, _filled - _at);
            int end = rest.IndexOf('\n');
            var line = end < 0 ? rest : rest[..(end + 1)];
            document?.Append(line);
            _at += line.Length;
            if (end >= 0)
            {
                return;
            }
        }
    }

    private bool TryFill()
    {
        if (_at < _filled)
        {
            return true;
        }

        _at = 0;
        _filled = reader.Read(_buffer, 0, _buffer.Length);
        return _filled > 0;
    }
}
