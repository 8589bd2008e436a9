namespace Pilotfish.Language.GoTemplates;

/// <summary>A template that cannot be parsed or rendered; the message begins with name:line:column.</summary>
public sealed class TemplateException : Exception
{
    public TemplateException(string templateName, TemplatePosition position, string reason, Exception? inner = null)
        : base($"template: {templateName}:{position.Line}:{position.Column}: {reason}", inner)
    {
        TemplateName = templateName;
        Position = position;
        Reason = reason;
    }

    public string TemplateName { get; }

    public TemplatePosition Position { get; }

    public string Reason { get; }
}
